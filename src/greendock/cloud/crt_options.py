"""How awscrt's MQTT 5 client is to connect: broker, TLS, proxy, session, pauses.

Reads certificates and keys, which are shown nowhere, and connects nothing. Called by crt_link.py,
in a thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from greendock.cloud.errors import MqttNotConfigured
from greendock.cloud.ports import LinkOptions

_SESSION_EXPIRY_S = 7 * 86400
_STABLE_S = 20
"""A connection that lasted this long makes the next pause a short one again."""
_MAX_PACKET_BYTES = 512 * 1024
"""What a broker may send at once: larger ones would not pass on to a reader."""
_HTTPS_PORT = 443


def connection(options: LinkOptions) -> dict[str, Any]:
    """Members of awscrt's ClientOptions. Raises MqttNotConfigured."""
    from awscrt import io, mqtt5

    # Before there are threads: the library doesn't bear that they end because of an error.
    tls = _tls(options) if options.broker.with_tls else None
    proxy = _proxy(options)
    group = io.EventLoopGroup(1)
    socket_options = io.SocketOptions()
    socket_options.connect_timeout_ms = int(options.connect_timeout_s * 1000)
    queue = mqtt5.ClientOperationQueueBehaviorType
    members = {
        "host_name": options.broker.host,
        "port": options.broker.port,
        "bootstrap": io.ClientBootstrap(group, io.DefaultHostResolver(group)),
        "socket_options": socket_options,
        "tls_ctx": tls,
        "http_proxy_options": proxy,
        "connect_options": mqtt5.ConnectPacket(
            client_id=options.client_id,
            keep_alive_interval_sec=max(1, int(options.keep_alive_s)),
            session_expiry_interval_sec=_SESSION_EXPIRY_S,
            maximum_packet_size=_MAX_PACKET_BYTES,
        ),
        "session_behavior": mqtt5.ClientSessionBehaviorType.REJOIN_POST_SUCCESS,
        "offline_queue_behavior": queue.FAIL_NON_QOS1_PUBLISH_ON_DISCONNECT,
        **_times(options),
    }
    # Younger than the oldest version that will do. A user name makes brokers ask for a login.
    if hasattr(mqtt5.ClientOptions, "disable_metrics"):
        members["disable_metrics"] = True
    return members


def _times(options: LinkOptions) -> dict[str, Any]:
    from awscrt import mqtt5

    first_s, longest_s = options.reconnect_delay_s
    return {
        "retry_jitter_mode": mqtt5.ExponentialBackoffJitterMode.FULL,
        "min_reconnect_delay_ms": int(first_s * 1000),
        "max_reconnect_delay_ms": int(longest_s * 1000),
        "min_connected_time_to_reset_reconnect_delay_ms": _STABLE_S * 1000,
        # The library wants it shorter than the keep-alive.
        "ping_timeout_ms": int(min(options.ping_timeout_s, options.keep_alive_s - 0.5) * 1000),
        "connack_timeout_ms": int(options.operation_timeout_s * 1000),
        "ack_timeout_sec": int(options.operation_timeout_s),
    }


def _tls(options: LinkOptions) -> Any:
    from awscrt import io

    authority = _read(options.authority)
    certificate, key = _read(options.certificate), _read(options.key)
    try:
        if certificate is not None and key is not None:
            tls = io.TlsContextOptions.create_client_with_mtls(certificate, key)
        else:
            tls = io.TlsContextOptions()
        tls.min_tls_ver = io.TlsVersion.TLSv1_2
        if authority is not None:
            tls.override_default_trust_store(authority)
        if options.broker.is_aws and options.broker.port == _HTTPS_PORT:
            tls.alpn_list = ["x-amzn-mqtt-ca"]
        return io.ClientTlsContext(tls)
    except Exception as error:
        # Not chained: what the library says of a key is not for logs.
        raise MqttNotConfigured(
            "cannot connect to the MQTT broker: the certificate, its key or the certificate "
            f"authority can't be used ({type(error).__name__})",
            hint="system.certificateFilePath, system.privateKeyPath, system.rootCaPath and "
            "greendock.mqtt.caFile have to name PEM files that belong together",
        ) from None


def _proxy(options: LinkOptions) -> Any:
    proxy = options.proxy
    if proxy is None:
        return None
    from awscrt import http, io

    parts = urlsplit(proxy.url)
    is_tls = parts.scheme == "https"
    tls = io.ClientTlsContext(io.TlsContextOptions()).new_connection_options() if is_tls else None
    if tls is not None:
        tls.set_server_name(parts.hostname)
    kind = http.HttpProxyAuthenticationType
    return http.HttpProxyOptions(
        parts.hostname or "",
        parts.port or (_HTTPS_PORT if is_tls else 80),
        tls_connection_options=tls,
        auth_type=kind.Basic if proxy.username else kind.Nothing,
        auth_username=proxy.username,
        auth_password=(proxy.password or "") if proxy.username else None,
        connection_type=http.HttpProxyConnectionType.Tunneling,
    )


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise MqttNotConfigured(
            f"cannot connect to the MQTT broker: {path} can't be read: {error.strerror}"
        ) from error
