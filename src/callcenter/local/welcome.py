"""What `callcenter run` says when it is up: what to open, which numbers to dial, the agents' SIP accounts."""

from rich.console import Console
from rich.table import Table

from callcenter.local import broker, places
from callcenter.local.addresses import broker_folder
from callcenter.local.places import api_url
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings


def agents(settings: Settings, secrets: Secrets) -> list[dict[str, str | int]]:
    """The SIP accounts, as `callcenter agents --json` prints them."""
    return [
        {
            "number": agent,
            "user": secrets.device_names[agent],
            "password": password,
            "server": sip_server(settings),
            "port": settings.sip_port if settings.tls == "off" else settings.sip_tls_port,
        }
        for agent, password in secrets.agent_passwords.items()
    ]


def sip_server(settings: Settings) -> str:
    """Where phones register; for the wildcard address any of this machine's will do, so name the nearest."""
    return places.WILDCARDS.get(settings.sip_bind, settings.sip_bind)


def agents_table(settings: Settings, secrets: Secrets) -> Table:
    """The same for people."""
    table = Table(
        "agent 座席", "user 用户名", "password 密码", "server 服务器", "port 端口", title="SIP accounts 座席话机"
    )
    for account in agents(settings, secrets):
        table.add_row(*(str(value) for value in account.values()))
    return table


def show(console: Console, settings: Settings, secrets: Secrets) -> None:
    """Print everything a newcomer needs."""
    key_file = settings.secrets_dir / "api-key"
    console.print(agents_table(settings, secrets))
    console.print(f"open 打开   {api_url(settings)}/  (any user name, password = the API key)", soft_wrap=True)
    console.print(f"API key     cat '{key_file}'   ·   another one: callcenter apikeys add NAME", soft_wrap=True)
    console.print(f"dial 拨打   {settings.hotline_number} hotline 热线 · {settings.emergency_number} emergency 应急")
    console.print(f"trunk 中继  SIP from {settings.trunk_address} to {sip_server(settings)}:{settings.sip_port}")
    if settings.mqtt_url is None:
        port, password = broker.known_port(broker_folder(settings)), settings.secrets_dir / "mqtt"
        address = f"mqtt://{broker.USER}@127.0.0.1:{port}"
        console.print(f"MQTT 消息   {address}  (password: cat '{password}')", soft_wrap=True)
    console.print(f"logs 日志   {settings.var_dir / 'log'}", soft_wrap=True)
