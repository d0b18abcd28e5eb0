"""`greendock pubsub pub|sub` and `iotcore pub|sub`: what is sent, what is printed, how it ends."""

from __future__ import annotations

import base64
import json
import os
import pty
import select
import signal
import time

import pytest

from greendock.cli.main import main
from greendock.cli.message_source import MOST_BYTES, message_content
from greendock.net.mqtt import MqttError, MqttMessage, MqttRefused

DEADLINE_S = 20.0
STARTED = b"Successfully subscribed to topic: "


class Ear:
    """A `sub` that has subscribed."""

    def __init__(self, program, *words, started=STARTED):
        self.process = program.start(*words)
        announced = self.process.stderr if "--json" in words else self.process.stdout
        assert announced.readline().startswith(started)

    def line(self):
        return self.process.stdout.readline()

    def end(self):
        """Exit code, and what it still wrote."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err


@pytest.fixture
def listen_to(program):
    return lambda *words: Ear(program, *words)


def publish(core, topic, content):
    kind = "binaryMessage" if isinstance(content, bytes) else "jsonMessage"
    message = {kind: {"message": content}}

    async def on_loop():
        core.pubsub.publish("com.example.Other", topic, message)

    core.on_loop(on_loop())


def heard_by(core, topic):
    """What a part of the core gets from a topic from now on."""
    events = []

    async def on_loop():
        core.pubsub.listen("com.example.Other", topic, events.append)

    core.on_loop(on_loop())
    return events


def test_a_text_a_file_and_a_document_are_published(core, capsys, tmp_path):
    events = heard_by(core, "lamp")
    file = tmp_path / "picture"
    file.write_bytes(b"\x00\xff\n")
    for option, value in (
        ("-m", "ön"),
        ("--message", str(file)),
        ("-m", f"file://{file}"),
        ("-m", str(tmp_path)),
        ("--message=-x", None),
        ("-m", ""),
        ("--json-message", '{"on": [true, null]}'),
    ):
        assert (
            main(["pubsub", "pub", "-t", "lamp", option, *([] if value is None else [value])]) == 0
        )
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
    sent = [base64.b64decode(event["binaryMessage"]["message"]) for event in events[:-1]]
    expected = ["ön".encode(), b"\x00\xff\n", b"\x00\xff\n", str(tmp_path).encode(), b"-x", b""]
    assert sent == expected
    assert events[-1]["jsonMessage"]["message"] == {"on": [True, None]}
    assert main(["pubsub", "pub", "-t", "lamp", "-m", "on", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"topic": "lamp", "published": True}


def test_standard_input_is_a_file(core, program):
    events = heard_by(core, "lamp")
    reading, writing = os.pipe()
    os.write(writing, b"piped")
    os.close(writing)
    process = program.start("pubsub", "pub", "-t", "lamp", "-m", "/dev/stdin", stdin=reading)
    os.close(reading)
    assert process.wait(DEADLINE_S) == 0
    assert base64.b64decode(events[0]["binaryMessage"]["message"]) == b"piped"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pub", "-t", "lamp"], 2, "--message"),
        (["pub", "-m", "on"], 2, "--topic"),
        (["pub", "-t", "a", "-m", "x", "--json-message", "{}"], 2, "not allowed with"),
        (["pub", "-t", "a", "--json-message", "[1]"], 2, "JSON object"),
        (["pub", "-t", "a", "--json-message", "{"], 2, "not valid JSON"),
        (["pub", "-t", "a", "-m", "file:///no/such"], 2, "/no/such: No such file"),
        (["pub", "-t", "a/#", "-m", "x"], 1, "a/#"),
        (["sub", "-t", "a" * 1025, "--timeout", "9"], 1, "1024 characters"),
        (["sub", "-t", "a", "--count", "0"], 2, "number of messages above 0"),
        (["sub", "-t", "a", "--timeout", "nan"], 2, "number of seconds"),
        (["sub"], 2, "--topic"),
    ],
)
def test_what_will_not_do_is_refused(core, capsys, words, code, said):
    assert main(["pubsub", *words]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_a_message_that_no_frame_holds_is_refused(core, capsys, tmp_path):
    file = tmp_path / "large"
    file.touch()
    os.truncate(file, MOST_BYTES)
    assert len(message_content(str(file))) == MOST_BYTES
    assert main(["pubsub", "pub", "-t", "a", "-m", str(file)]) == 0
    os.truncate(file, MOST_BYTES + 1)
    assert main(["pubsub", "pub", "-t", "a", "-m", str(file)]) == 2
    assert str(MOST_BYTES) in capsys.readouterr().err


def test_payloads_are_printed_as_they_are_for_programs(core, listen_to):
    ear = listen_to("pubsub", "sub", "-t", "a/#", "--count", "4")
    publish(core, "a/b", "ön\x1b[2J".encode())
    assert ear.line() == "ön\x1b[2J\n".encode()
    publish(core, "a/b", b"\x00\xff")
    publish(core, "a/c", {"x": [1, "ö"], "y": None})
    assert main(["pubsub", "pub", "-t", "a/d", "-m", "of the same user"]) == 0
    assert ear.end() == (0, b'\x00\xff\n{"x":[1,"\xc3\xb6"],"y":null}\nof the same user\n', b"")


def test_json_gives_one_object_per_line(core, listen_to):
    ear = listen_to("pubsub", "sub", "-t", "a/+", "--json", "--count", "5")
    publish(core, "a/b", b"line\nline")
    assert json.loads(ear.line()) == {"topic": "a/b", "text": "line\nline"}
    publish(core, "a/c", b"\xff")
    publish(core, "a/c", {"x": "\x9b2J\ud800"})
    publish(core, "a/c", b"")
    publish(core, "a/c", {})
    code, out, err = ear.end()
    assert (code, err) == (0, b"")
    assert b"\xc2\x9b" not in out
    assert [json.loads(line) for line in out.splitlines()] == [
        {"topic": "a/c", "base64": "/w=="},
        {"topic": "a/c", "json": {"x": "\x9b2J\ud800"}},
        {"topic": "a/c", "text": ""},
        {"topic": "a/c", "json": {}},
    ]


def test_numbers_that_json_cannot_say_again(core, listen_to, raw_publish):
    ear = listen_to("pubsub", "sub", "-t", "a", "--count", "1")
    raw_publish("a", b'{"x":[1e400,-1e999,0.5]}')
    assert ear.end()[1] == b'{"x":[null,null,0.5]}\n'


@pytest.fixture
def raw_publish(core):
    from greendock.ipc.pubsub.broker import Kind

    def send(topic, content):
        async def on_loop():
            core.pubsub.publish_content("com.example.Other", topic, Kind.JSON, content)

        core.on_loop(on_loop())

    return send


def test_hostile_payloads_do_not_steer_a_terminal(core, program):
    ours, theirs = pty.openpty()
    try:
        process = program.start("pubsub", "sub", "-t", "a", "--count", "2", stdout=theirs)
        text = until(ours, b"topic: a")
        publish(core, "a", b"\x1b]0;title\x07\x1b[2J\xff\xc2\x9b1A\rend-1")
        publish(core, "a", {"x": "\x7f\x9bend-2"})
        text = until(ours, b"end-2", text)
        assert process.wait(DEADLINE_S) == 0
    finally:
        os.close(theirs)
        os.close(ours)
    shown = text.partition(b"topic: a")[2]
    assert b"\\x1b]0;title\\x07\\x1b[2J\\xff\\x9b1A\\x0dend-1" in shown
    assert not set(shown) & {0x1B, 0x07, 0x9B, 0xFF, 0x7F}


def until(descriptor, wanted, text=b""):
    end = time.monotonic() + DEADLINE_S
    while wanted not in text:
        assert time.monotonic() < end, f"{wanted!r} did not come; got {text!r}"
        if select.select([descriptor], [], [], 0.1)[0]:
            text += os.read(descriptor, 65536)
    return text


def test_ctrl_c_ends_it_as_other_commands_that_follow(core, listen_to):
    ear = listen_to("pubsub", "sub", "-t", "a")
    publish(core, "a", b"one")
    assert ear.line() == b"one\n"
    ear.process.send_signal(signal.SIGINT)
    assert ear.end() == (130, b"", b"")


def test_a_time_alone_is_how_long_to_listen(core, capsys):
    assert main(["pubsub", "sub", "-t", "a", "--timeout", "0.05"]) == 0
    assert capsys.readouterr().out == "Successfully subscribed to topic: a\n"


@pytest.mark.parametrize("seconds", ["1e300", "inf"])
def test_any_time_can_be_asked_for(core, listen_to, seconds):
    ear = listen_to("pubsub", "sub", "-t", "a", "--timeout", seconds, "--count", "1")
    publish(core, "a", b"one")
    assert ear.end() == (0, b"one\n", b"")


def test_fewer_messages_than_asked_for_in_time(core, capsys):
    words = ["pubsub", "sub", "-t", "a", "--timeout", "0.05", "--count", "2"]
    assert main(words) == 4
    assert "0 of 2 messages came to a within 0.05 s" in capsys.readouterr().err
    assert main([*words, "--json"]) == 4
    shown = capsys.readouterr()
    assert shown.err == "Successfully subscribed to topic: a\n"
    (line,) = shown.out.splitlines()
    assert "0 of 2" in json.loads(line)["error"]["message"]


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_core_that_goes_away(core, listen_to, option):
    ear = listen_to("pubsub", "sub", "-t", "a", *option)
    core.on_loop(core.go_away())
    code, out, err = ear.end()
    assert code == 3
    text = json.loads(out)["error"]["message"].encode() if option else err
    assert b"the core ended the subscription to a" in text or b"lost the connection" in text


def test_the_reader_of_the_output_goes_away(core, listen_to):
    ear = listen_to("pubsub", "sub", "-t", "a", "--timeout", str(DEADLINE_S))
    ear.process.stdout.close()
    publish(core, "a", b"one")
    assert ear.process.wait(DEADLINE_S) == 141


def test_mqtt_messages_are_published(core, capsys, tmp_path):
    file = tmp_path / "reading"
    file.write_bytes(b"\xff")
    assert main(["iotcore", "pub", "-t", "s/1", "-m", "21.5"]) == 0
    assert main(["iotcore", "pub", "--topic", "s/1", "--message", str(file), "--qos", "1"]) == 0
    assert capsys.readouterr().out == ""
    assert core.iot_core.published == [
        MqttMessage("s/1", b"21.5", qos=0),
        MqttMessage("s/1", b"\xff", qos=1),
    ]
    assert main(["iotcore", "pub", "-t", "s/1", "-m", "x", "-q", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"topic": "s/1", "qos": 1, "accepted": True}


def test_mqtt_messages_are_printed(core, listen_to):
    plain = listen_to("iotcore", "sub", "-t", "s/1", "--count", "2")
    lines = listen_to("iotcore", "sub", "-t", "s/1", "-q", "1", "--json", "--count", "2")
    assert core.iot_core.subscribed == [("s/1", 0), ("s/1", 1)]
    more = {"user_properties": (("k", "v"),), "content_type": "text/plain"}
    for message in (MqttMessage("s/1", b"21.5"), MqttMessage("s/1", b"\xff", retain=True, **more)):
        core.on_loop(core.iot_core.publish(message))
    assert plain.end() == (0, b"21.5\n\xff\n", b"")
    code, out, _ = lines.end()
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [
        {"topic": "s/1", "text": "21.5", "retain": False},
        {
            "topic": "s/1",
            "base64": "/w==",
            "retain": True,
            "userProperties": [{"key": "k", "value": "v"}],
            "contentType": "text/plain",
        },
    ]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (MqttError("cannot publish: no broker is configured"), "no broker is configured"),
        (MqttRefused("the broker refuses it", 0x87, "not authorized"), "not authorized"),
    ],
)
@pytest.mark.parametrize("words", [["pub", "-m", "x"], ["sub"]])
def test_what_the_broker_refuses(core, capsys, failure, said, words):
    core.iot_core.failure = failure
    assert main(["iotcore", *words, "-t", "s"]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_another_quality_of_service_is_wrong_usage(core, capsys):
    assert main(["iotcore", "pub", "-t", "s", "-m", "x", "-q", "2"]) == 2
    assert "--qos" in capsys.readouterr().err
