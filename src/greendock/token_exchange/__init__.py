"""The token exchange service: AWS credentials for components, over HTTP on this host."""
