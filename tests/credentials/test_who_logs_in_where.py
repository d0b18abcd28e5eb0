"""For each registry: which login is used, in which order, and who never sees a password."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from credential_scene import SECRET, Scene

from greendock.base.errors import GreendockError
from greendock.docker.credentials.registry_credentials import Login, default_config_path
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed, EcrCredentialsFailed
from greendock.docker.model import RegistryAccount
from greendock.docker.reference import ImageReference, parse_image

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
HUB_SERVER = "https://index.docker.io/v1/"


def of(scene: Scene, image: str) -> Login | None:
    found: Login | None = scene.run(lambda credentials: credentials.of(parse_image(image)))
    return found


def shown(scene: Scene, image: str) -> str:
    async def action(credentials: Any) -> str:
        return str(credentials.describe(parse_image(image)))

    return str(scene.run(action))


def failure(scene: Scene, image: str) -> CredentialsFailed:
    with pytest.raises(CredentialsFailed) as caught:
        of(scene, image)
    return caught.value


def header(login: Login | None) -> dict[str, str]:
    assert login is not None
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(login.auth.header()))
    return found


def write_config(scene: Scene, **members: Any) -> None:
    scene.config.write_text(json.dumps(members))


def entry(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def password_file(scene: Scene, content: str = SECRET, mode: int = 0o600) -> str:
    path = scene.folder / "password"
    path.write_text(content)
    path.chmod(mode)
    return str(path)


# --- Amazon ECR


@pytest.mark.parametrize(
    ("registry", "account", "region", "host"),
    [
        (ECR, "123456789012", "us-east-1", ECR),
        (f"{ECR}:443", "123456789012", "us-east-1", ECR),
        (ECR.upper(), "123456789012", "us-east-1", ECR),
        (
            "210987654321.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "210987654321",
            "us-gov-west-1",
            "210987654321.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "210987654321",
            "cn-north-1",
            "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn",
        ),
        (
            "210987654321.dkr-ecr.eu-west-1.on.aws",
            "210987654321",
            "eu-west-1",
            "210987654321.dkr-ecr.eu-west-1.on.aws",
        ),
    ],
)
def test_private_ecr_gets_a_token(
    scene: Scene, registry: str, account: str, region: str, host: str
):
    login = of(scene, f"{registry}/a/b:1")
    assert header(login) == {
        "username": "AWS",
        "password": f"{SECRET}-1",
        "serveraddress": registry,
    }
    assert login is not None
    assert login.expires_at == scene.clock.now() + scene.ecr.life_s
    assert login.source == f"Amazon ECR token of account {account} in {region}"
    assert scene.ecr.asked == [(account, region, host)]


LOOK_ALIKES = [
    f"{ECR}.evil.tld/a:1",
    f"{ECR}.evil.tld:443/a:1",
    f"{ECR.upper()}.EVIL.TLD/a:1",
    f"evil.tld/{ECR}/a:1",
    f"evil.tld:443/{ECR}/a:1",
    f"x{ECR}/a:1",
    f"x.{ECR}/a:1",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com-evil.tld/a:1",
    "123456789012.dkr.ecr.us-east-1.amazonaws.computer/a:1",
    "123456789012.dkr.ecr.us-east-1.amazonaws.co/a:1",
    "123456789012.dkr.ecr.us-east-1.xamazonaws.com/a:1",
    "123456789012.dkr.ecr.us-east-1.evil.amazonaws.com/a:1",
    "123456789012.dkr.ecr.amazonaws.com/a:1",
    "123456789012.dkrxecr.us-east-1.amazonaws.com/a:1",
    "123456789012xdkr.ecr.us-east-1.amazonaws.com/a:1",
    "dkr.ecr.us-east-1.amazonaws.com/a:1",
    "public.ecr.aws/a/b:1",
    "PUBLIC.ECR.AWS/a/b:1",
    "localhost:5000/a:1",
    "busybox",
]


@pytest.mark.parametrize("image", LOOK_ALIKES)
def test_no_other_host_gets_a_token(scene: Scene, image: str):
    assert of(scene, image) is None
    assert scene.ecr.asked == []


@pytest.mark.parametrize(
    "registry",
    [
        f"{ECR}@evil.tld",
        f"{ECR}:443@evil.tld",
        f"user:{SECRET}@{ECR}",
        f"{ECR}#.evil.tld",
        f"{ECR}?.evil.tld",
        f"{ECR}\\.evil.tld",
        f"{ECR}.evil.tld:443:443",
        f"{ECR}\n",
        f"{ECR} ",
        f"{ECR}\0.evil.tld",
        f"[{ECR}]",
        "\uff11\uff12\uff13456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws\uff0ecom",
    ],
)
def test_names_that_only_a_parser_could_let_through_get_no_token(scene: Scene, registry: str):
    """Even when such a name were ever taken as a registry's."""
    reference = ImageReference(registry, "a/b", "1", None)
    scene.run(lambda credentials: credentials.of(reference))
    assert [host for _, _, host in scene.ecr.asked if host != ECR] == []
    asked_although_evil = scene.ecr.asked and "evil" in registry
    assert not asked_although_evil


def test_a_refused_token_is_had_anew(scene: Scene):
    async def action(credentials: Any) -> None:
        reference = parse_image(f"{ECR}/a:1")
        first = await credentials.of(reference)
        again = await credentials.of(parse_image(f"{ECR}/other:2"))
        assert again.auth == first.auth
        assert credentials.reject(first) is True
        assert (await credentials.of(reference)).auth != first.auth

    scene.run(action)


def test_ecr_that_fails_is_no_anonymous_pull(scene: Scene):
    write_config(scene, auths={ECR: entry("a:b")})
    scene.ecr.error = GreendockError("denied", codes=("GET_ECR_CREDENTIAL_ERROR",))
    error = failure(scene, f"{ECR}/a:1")
    assert isinstance(error, EcrCredentialsFailed)
    assert "denied" in error.message


# --- accounts of the configuration


def test_an_account_comes_before_everything(scene: Scene):
    write_config(scene, auths={"r.test:5000": entry("docker:login"), ECR: entry("docker:login")})
    account = RegistryAccount(username="ann", password_file=password_file(scene))
    scene.settings.registry_accounts = {"r.test:5000": account, ECR: account}
    assert header(of(scene, "r.test:5000/a:1")) == {
        "username": "ann",
        "password": SECRET,
        "serveraddress": "r.test:5000",
    }
    assert header(of(scene, f"{ECR}/a:1"))["password"] == SECRET
    assert header(of(scene, "R.Test:5000/a:1"))["username"] == "ann"
    assert of(scene, "r.test/a:1") is None
    assert scene.ecr.asked == []


@pytest.mark.parametrize("image", ["busybox", "docker.io/library/busybox", "index.docker.io/a/b"])
def test_docker_hub_has_one_name(scene: Scene, image: str):
    account = RegistryAccount(username="ann", password_file=password_file(scene))
    scene.settings.registry_accounts = {"docker.io": account}
    assert header(of(scene, image))["serveraddress"] == HUB_SERVER


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (SECRET, SECRET),
        (f"{SECRET}\n", SECRET),
        (f"{SECRET}\r\n", SECRET),
        (f"{SECRET}\n\n", f"{SECRET}\n"),
        (f" {SECRET} ", f" {SECRET} "),
    ],
)
def test_one_newline_at_the_end_is_not_the_passwords(scene: Scene, content: str, password: str):
    path = scene.folder / "password"
    path.write_bytes(content.encode())
    scene.environ["REGISTRY_PASSWORD"] = content
    for account in (
        RegistryAccount(username="ann", password_file=str(path)),
        RegistryAccount(username="ann", password_env="REGISTRY_PASSWORD"),
    ):
        scene.settings.registry_accounts = {"r.test": account}
        assert header(of(scene, "r.test/a:1"))["password"] == password


def test_a_changed_password_file_counts_at_once(scene: Scene):
    account = RegistryAccount(username="ann", password_file=password_file(scene, "one"))
    scene.settings.registry_accounts = {"r.test": account}

    async def action(credentials: Any) -> None:
        first = await credentials.of(parse_image("r.test/a:1"))
        password_file(scene, "two")
        assert (await credentials.of(parse_image("r.test/a:1"))).auth.password == "two"
        assert credentials.reject(first) is False

    scene.run(action)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_file_that_others_can_read_is_told_once(scene: Scene, mode: int):
    path = password_file(scene, mode=mode)
    scene.settings.registry_accounts = {"r.test": RegistryAccount("ann", password_file=path)}

    async def action(credentials: Any) -> None:
        for _ in range(3):
            assert await credentials.of(parse_image("r.test/a:1")) is not None

    scene.run(action)
    (written,) = scene.journal.written
    assert written[0] == "WARN"
    assert path in written[2]


def test_a_password_file_of_ones_own_is_told_of_never(scene: Scene):
    account = RegistryAccount("ann", password_file=password_file(scene))
    scene.settings.registry_accounts = {"r.test": account}
    of(scene, "r.test/a:1")
    assert scene.journal.written == []


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe" + SECRET.encode("latin-1")])
def test_a_file_without_password_is_named(scene: Scene, content: bytes):
    path = scene.folder / "password"
    path.write_bytes(content)
    scene.settings.registry_accounts = {"r.test": RegistryAccount("ann", password_file=str(path))}
    error = failure(scene, "r.test/a:1")
    assert str(path) in error.message
    assert error.codes[-1] == "DOCKER_LOGIN_ERROR"


@pytest.mark.parametrize("name", ["absent", ".docker", "password/below"])
def test_a_file_that_can_not_be_read_is_named(scene: Scene, name: str):
    password_file(scene)
    path = str(scene.folder / name)
    scene.settings.registry_accounts = {"r.test": RegistryAccount("ann", password_file=path)}
    assert path in failure(scene, "r.test/a:1").message


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty"), ("\n", "empty")])
def test_a_variable_without_password_is_named(scene: Scene, value: str | None, state: str):
    if value is not None:
        scene.environ["REGISTRY_PASSWORD"] = value
    account = RegistryAccount("ann", password_env="REGISTRY_PASSWORD")
    scene.settings.registry_accounts = {"r.test": account}
    message = failure(scene, "r.test/a:1").message
    assert "REGISTRY_PASSWORD" in message
    assert state in message


def test_a_helper_of_the_configuration_is_asked(scene: Scene):
    scene.add_helper("mine", "print(json.dumps({'Username': 'ann', 'Secret': server}))")
    scene.settings.registry_accounts = {
        "docker.io": RegistryAccount(credential_helper="mine"),
        "r.test:5000": RegistryAccount(credential_helper="mine"),
    }
    assert header(of(scene, "busybox"))["password"] == HUB_SERVER
    login = of(scene, "r.test:5000/a:1")
    assert header(login)["password"] == "r.test:5000"
    assert login is not None
    assert (login.source, login.can_renew) == ("credential helper mine", True)


def test_a_helper_does_not_see_the_passwords_of_other_registries(scene: Scene):
    scene.environ |= {"PASSWORD": SECRET, "OTHER": "kept"}
    seen = scene.folder / "seen"
    scene.add_helper(
        "mine",
        f"json.dump(dict(os.environ), open({str(seen)!r}, 'w'))\n"
        "print(json.dumps({'Username': 'ann', 'Secret': 'x'}))",
    )
    scene.settings.registry_accounts = {
        "env.test": RegistryAccount("ann", password_env="PASSWORD"),
        "r.test": RegistryAccount(credential_helper="mine"),
    }
    assert of(scene, "r.test/a:1") is not None
    environ = json.loads(seen.read_text())
    assert SECRET not in environ.values()
    assert environ["OTHER"] == "kept"


def test_a_helper_that_knows_none_leaves_a_warning(scene: Scene):
    scene.add_helper("mine", "print('credentials not found in native keychain'); sys.exit(1)")
    scene.settings.registry_accounts = {"r.test": RegistryAccount(credential_helper="mine")}
    assert of(scene, "r.test/a:1") is None
    assert "credential helper mine knows no login for r.test" in scene.journal.written[0][2]


def test_a_docker_config_of_the_configuration_is_read(scene: Scene):
    path = scene.folder / "other.json"
    path.write_text(json.dumps({"auths": {"https://r.test/v1/": entry(f"bob:{SECRET}")}}))
    account = RegistryAccount(docker_config=str(path))
    scene.settings.registry_accounts = {"r.test": account, "s.test": account}
    login = of(scene, "r.test/a:1")
    assert header(login)["password"] == SECRET
    assert login is not None
    assert (login.source, login.can_renew) == (f"docker config {path}", False)
    assert of(scene, "s.test/a:1") is None
    assert "has no login for s.test" in scene.journal.written[0][2]


@pytest.mark.parametrize("content", [None, "{", '{"auths": {"r.test": {"auth": "%"}}}'])
def test_a_docker_config_of_the_configuration_has_to_be_right(scene: Scene, content: str | None):
    path = scene.folder / "other.json"
    if content is not None:
        path.write_text(content)
    scene.settings.registry_accounts = {"r.test": RegistryAccount(docker_config=str(path))}
    assert str(path) in failure(scene, "r.test/a:1").message


# --- docker login of the core's user


def test_docker_login_of_the_cores_user_counts(scene: Scene):
    write_config(scene, auths={HUB_SERVER: entry("hub:one"), "r.test": entry("ann:two")})
    assert header(of(scene, "busybox")) == {
        "username": "hub",
        "password": "one",
        "serveraddress": HUB_SERVER,
    }
    assert header(of(scene, "r.test/a:1"))["password"] == "two"
    assert of(scene, "other.test/a:1") is None


def test_docker_config_may_be_elsewhere(scene: Scene):
    write_config(scene, auths={"r.test": entry("ann:home")})
    scene.environ["DOCKER_CONFIG"] = str(scene.folder / "elsewhere")
    assert of(scene, "r.test/a:1") is None
    Path(scene.environ["DOCKER_CONFIG"]).mkdir()
    scene.config.rename(scene.folder / "elsewhere" / "config.json")
    assert header(of(scene, "r.test/a:1"))["password"] == "home"


def test_a_service_without_home_has_the_home_of_its_user():
    assert default_config_path({}).endswith("/.docker/config.json")
    assert default_config_path({}).startswith("/")


def test_a_broken_default_file_is_a_warning(scene: Scene):
    scene.config.write_text("{" + SECRET)
    assert of(scene, "r.test/a:1") is None
    (written,) = scene.journal.written
    assert str(scene.config) in written[2]
    assert written[3] == {"registry": "r.test"}


@pytest.mark.parametrize("body", ["sys.exit(1)", "print('nonsense')"])
def test_a_broken_helper_for_all_is_a_warning(scene: Scene, body: str):
    scene.add_helper("desktop", body)
    write_config(scene, credsStore="desktop")
    assert of(scene, "busybox") is None
    assert "desktop" in scene.journal.written[0][2]


def test_a_broken_helper_for_this_registry_is_an_error(scene: Scene):
    scene.add_helper("mine", "print('no session'); sys.exit(1)")
    write_config(scene, credHelpers={"r.test": "mine"})
    assert "no session" in failure(scene, "r.test/a:1").message


def test_a_helper_of_the_default_file_is_asked(scene: Scene):
    scene.add_helper("mine", "print(json.dumps({'Username': 'ann', 'Secret': server}))")
    write_config(scene, credHelpers={"r.test": "mine"})
    assert header(of(scene, "r.test/a:1"))["password"] == "r.test"


# --- what is said


def test_sources_are_described(scene: Scene):
    write_config(
        scene, auths={"login.test": entry("a:b")}, credHelpers={"helped.test": "ecr-login"}
    )
    scene.settings.registry_accounts = {
        "file.test": RegistryAccount("ann", password_file="/etc/password"),
        "env.test": RegistryAccount("ann", password_env="PASSWORD"),
        "helper.test": RegistryAccount(credential_helper="mine"),
        "config.test": RegistryAccount(docker_config="/etc/config.json"),
    }
    assert {
        name: shown(scene, f"{name}/a:1")
        for name in (
            "file.test",
            "env.test",
            "helper.test",
            "config.test",
            "login.test",
            "helped.test",
            "none.test",
            ECR,
        )
    } == {
        "file.test": "password file /etc/password (cannot use password file /etc/password: No "
        "such file or directory)",
        "env.test": "variable PASSWORD (cannot use the variable PASSWORD for a registry's "
        "password: it is not set)",
        "helper.test": "credential helper mine",
        "config.test": "docker config /etc/config.json",
        "login.test": f"docker config {scene.config}",
        "helped.test": f"credential helper ecr-login of docker config {scene.config}",
        "none.test": "none",
        ECR: "Amazon ECR token of account 123456789012 in us-east-1",
    }
    assert scene.ecr.asked == []
    scene.config.write_text("{")
    assert shown(scene, "none.test/a:1") == f"none ({scene.config} can't be used)"


def test_no_text_holds_a_password(scene: Scene):
    texts: list[str] = []
    scene.environ["PASSWORD"] = SECRET
    scene.add_helper("mine", f"print(json.dumps({{'Username': 'ann', 'Secret': {SECRET!r}}}))")
    scene.add_helper("bad", f"print({SECRET!r})")
    broken = scene.folder / "broken.json"
    broken.write_text('{"auths": {"broken.test": {"auth": "' + SECRET)
    write_config(scene, auths={"login.test": entry(f"ann:{SECRET}"), "bad.test": {"auth": SECRET}})
    scene.settings.registry_accounts = {
        "file.test": RegistryAccount("ann", password_file=password_file(scene, mode=0o644)),
        "env.test": RegistryAccount("ann", password_env="PASSWORD"),
        "helper.test": RegistryAccount(credential_helper="mine"),
        "badhelper.test": RegistryAccount(credential_helper="bad"),
        "broken.test": RegistryAccount(docker_config=str(broken)),
    }
    hosts = ("login.test", "bad.test", ECR, *scene.settings.registry_accounts)

    async def action(credentials: Any) -> None:
        for host in hosts:
            reference = parse_image(f"{host}/a:1")
            texts.append(credentials.describe(reference))
            try:
                login = await credentials.of(reference)
                texts.append(f"{login} {login!r} {login and login.auth!r}")
            except CredentialsFailed as error:
                texts.append(f"{error} {error!r} {error.explain()} {error.__cause__!r}")
        texts.append(repr({k: v for k, v in vars(credentials).items() if k != "_environ"}))

    scene.run(action)
    texts += [repr(entry) for entry in scene.journal.written]
    encoded = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    assert [x for x in texts if SECRET in x or encoded in x] == []
    assert len(texts) > 2 * len(hosts)


def test_a_login_shows_where_it_is_from_only():
    login = Login(RegistryAuth("ann", SECRET, "r.test", SECRET), "password file /x", 12.0)
    text = f"{login} {login!r}"
    assert SECRET not in text
    assert "ann" not in text
    assert "password file /x" in text
