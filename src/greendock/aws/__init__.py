"""Amazon's services as the core uses them: credentials, request signing, ECR, S3."""
