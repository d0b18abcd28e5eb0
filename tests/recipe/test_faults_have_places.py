"""Each rule of the check: what is refused, where, and with which rule id."""

from pathlib import Path

import pytest

from greendock.recipe.findings import RecipeError, Severity
from greendock.recipe.parse import check_text, parse_text

PATH = Path("r.yaml")
HEAD = "RecipeFormatVersion: 2020-01-25\nComponentName: a.b\nComponentVersion: 1.0.0\n"
BASIC = HEAD + "Manifests: [{Lifecycle: {Run: x}}]\n"
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def found(text, *, is_json=False):
    data = text if isinstance(text, bytes) else text.encode()
    recipe, findings = check_text(data, PATH, is_json=is_json)
    has_errors = any(f.severity is ERROR for f in findings)
    assert (recipe is None) == has_errors
    assert all(f.message and f.fix for f in findings)
    return [(f.severity, f.rule, f.line, f.column) for f in findings]


def manifest(text):
    """A recipe whose only manifest begins in line 5, indented by two."""
    return HEAD + "Manifests:\n- " + text


def test_a_plain_recipe_has_no_findings():
    assert found(BASIC) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (ERROR, "empty-document", 1, 1)),
        ("# nothing\n", (ERROR, "empty-document", 1, 1)),
        ("~", (ERROR, "empty-document", 1, 1)),
        ("- a\n", (ERROR, "wrong-type", 1, 1)),
        ("a: 1\n\tb: 2", (ERROR, "tab-indentation", 2, 1)),
        ("a:\n\tb: 2", (ERROR, "tab-indentation", 2, 1)),
        ("a: >=1.0", (ERROR, "quote-value", 1, 4)),
        ("a: >1.0 <2", (ERROR, "quote-value", 1, 4)),
        ("a: *", (ERROR, "quote-value", 1, 4)),
        ("a: *x", (ERROR, "unknown-alias", 1, 4)),
        ("a: @x", (ERROR, "quote-value", 1, 4)),
        ("a: `x`", (ERROR, "quote-value", 1, 4)),
        ("a: %x", (ERROR, "quote-value", 1, 4)),
        ("a: {artifacts:path}/x", (ERROR, "quote-value", 1, 4)),
        ("b: 1\na: {artifacts:path}/x\nc: 2\n", (ERROR, "quote-value", 2, 4)),
        ("a: 'x", (ERROR, "unclosed-quote", 1, 4)),
        ('a: "\\q"', (ERROR, "invalid-escape", 1, 5)),
        ("BazService: VersionRequirement: ^2.0.0", (ERROR, "invalid-yaml", 1, 31)),
        ("a: [1", (ERROR, "invalid-yaml", 1, 6)),
        ("a: 1\n---\nb: 2", (ERROR, "several-documents", 2, 1)),
        ("a: &a [*a]", (ERROR, "unknown-alias", 1, 8)),
        ("é: 1\na: \x07", (ERROR, "control-character", 2, 4)),
        (b"a: \xe9", (ERROR, "not-utf-8", 1, 4)),
        (b"\xef\xbb\xbfa\nb: \xe9", (ERROR, "not-utf-8", 2, 4)),
        (b"x" * (1024 * 1024 + 1), (ERROR, "too-large", 1, 1)),
        ("[" * 101, (ERROR, "too-deep", 1, 101)),
    ],
)
def test_text_that_is_no_document(text, expected):
    assert found(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (ERROR, "empty-document", 1, 1)),
        ('{"a": 1,\n "b" 2}', (ERROR, "invalid-json", 2, 6)),
        ('{"a": NaN}', (ERROR, "invalid-json", 1, 7)),
        ("[" * 101 + "]" * 101, (ERROR, "too-deep", 1, 101)),
    ],
)
def test_text_that_is_no_json(text, expected):
    assert found(text, is_json=True) == [expected]


@pytest.mark.parametrize("sign", ["x ]", "a: b: c"])
def test_the_advice_for_unquoted_values_shows_the_quoted_value(sign):
    _, findings = check_text(f"a: @{sign}\n".encode(), PATH, is_json=False)
    assert findings[0].fix == f'quote this value: "@{sign}"'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("a: 1\n", (WARNING, "unknown-key", 5, 1)),
        ("ComponentNames: 1\n", (WARNING, "unknown-key", 5, 1)),
        ("componentNAME: c\n", (WARNING, "duplicate-key", 5, 1)),
        ("ComponentName: c\n", (WARNING, "duplicate-key", 5, 1)),
        ("ComponentType: foo\n", (ERROR, "invalid-value", 5, 16)),
        ("ComponentType: AWS.greengrass.lambda\n", (WARNING, "component-type", 5, 16)),
        ("ComponentDescription: [a]\n", (ERROR, "wrong-type", 5, 23)),
        ("ComponentDescription: !x a\n", (ERROR, "custom-tag", 5, 23)),
        ('ComponentDescription: "\\0"\n', (ERROR, "unusable-character", 5, 23)),
        ("ComponentConfiguration: 1\n", (ERROR, "wrong-type", 5, 25)),
        ("ComponentConfiguration: {Default: 1}\n", (WARNING, "unknown-key", 5, 26)),
        (
            "ComponentConfiguration:\n  DefaultConfiguration: [1]\n",
            (ERROR, "wrong-type", 6, 25),
        ),
        ("ComponentDependencies:\n  c: ^1.0\n", (ERROR, "wrong-type", 6, 6)),
        ("ComponentDependencies:\n  c: {}\n", (ERROR, "missing-key", 6, 6)),
        (
            "ComponentDependencies:\n  c: {VersionRequirement: ~}\n",
            (ERROR, "missing-key", 6, 7),
        ),
        (
            "ComponentDependencies:\n  c: {VersionRequirement: soon}\n",
            (ERROR, "version-requirement", 6, 27),
        ),
        (
            f"ComponentDependencies:\n  c: {{VersionRequirement: {'1' * 300}}}\n",
            (ERROR, "version-requirement", 6, 27),
        ),
        (
            "ComponentDependencies:\n  c: {VersionRequirement: 1, DependencyType: firm}\n",
            (ERROR, "invalid-value", 6, 46),
        ),
        (
            "ComponentDependencies:\n  a.b: {VersionRequirement: 1}\n",
            (ERROR, "self-dependency", 6, 3),
        ),
        (
            "ComponentDependencies:\n  ..: {VersionRequirement: 1}\n",
            (ERROR, "dependency-name", 6, 3),
        ),
        ("Lifecycle: {Rum: x}\n", None),
        ("Lifecycle: x\n", (ERROR, "wrong-type", 5, 12)),
        ("[a]: 1\n", (ERROR, "key-not-text", 5, 1)),
        ("<<: 1\n", (ERROR, "merge-not-a-map", 5, 1)),
    ],
)
def test_keys_of_the_recipe(more, expected):
    assert found(BASIC + more) == ([] if expected is None else [expected])


def test_the_nearest_known_key_is_named():
    _, findings = check_text((BASIC + "ComponentDependecies: {}\n").encode(), PATH, is_json=False)
    assert findings[0].fix == "write ComponentDependencies"


@pytest.mark.parametrize(
    ("key", "written", "rule"),
    [
        ("RecipeFormatVersion", "2021-01-01", "format-version"),
        ("ComponentName", "a/b", "component-name"),
        ("ComponentName", "a b", "component-name"),
        ("ComponentName", "a:b", "component-name"),
        ("ComponentName", ".", "component-name"),
        ("ComponentName", "..", "component-name"),
        ("ComponentName", "...", "component-name"),
        ("ComponentName", "é", "component-name"),
        ("ComponentName", '"a\\n"', "component-name"),
        ("ComponentName", "''", "component-name"),
        ("ComponentName", "x" * 129, "component-name"),
        ("ComponentVersion", "1.0", "component-version"),
        ("ComponentVersion", "v1.0.0", "component-version"),
        ("ComponentVersion", "1.0.0+", "component-version"),
        ("ComponentVersion", "1.0.0-", "component-version"),
        ("ComponentVersion", "1.0.0.0", "component-version"),
        ("ComponentVersion", "1000000.0.0", "component-version"),
        ("ComponentVersion", "1.0.0-" + "x" * 60, "component-version"),
        ("ComponentVersion", "../1.0.0", "component-version"),
        ("RecipeFormatVersion", "~", "missing-key"),
        ("ComponentName", "~", "missing-key"),
        ("ComponentVersion", "[1]", "wrong-type"),
    ],
)
def test_the_header(key, written, rule):
    lines = [
        f"{line.partition(':')[0]}: {written}" if line.startswith(key) else line
        for line in BASIC.splitlines()
    ]
    number = next(i for i, line in enumerate(lines, 1) if line.startswith(key))
    column = 1 if rule == "missing-key" else len(key) + 3
    assert found("\n".join(lines)) == [(ERROR, rule, number, column)]


@pytest.mark.parametrize("version", ["1.0.0", "' 1.0.0 '", "1.0.0-rc.1+b", "999999.0.0"])
def test_versions_that_pass(version):
    assert found(BASIC.replace("1.0.0", version)) == []


def test_a_version_with_leading_zeros_is_only_warned_about():
    assert found(BASIC.replace("1.0.0", "01.0.0")) == [(WARNING, "version-leading-zero", 3, 19)]


@pytest.mark.parametrize(
    "requirement",
    ["1.0.0", "=1.0.0", "^1.1", "~2.0.0", "1.0.0 || 2", "'*'", "''", "latest", "'>=1.0 <2'", "1"],
)
def test_version_requirements_that_pass(requirement):
    more = f"ComponentDependencies: {{c: {{VersionRequirement: {requirement}}}}}\n"
    if "||" in requirement or requirement.startswith("'"):
        more = f"ComponentDependencies:\n  c:\n    VersionRequirement: {requirement}\n"
    assert found(BASIC + more) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Manifests: []\n", (ERROR, "no-manifests", 4, 1)),
        ("Manifests: ~\n", (ERROR, "no-manifests", 4, 1)),
        ("", (ERROR, "no-manifests", 1, 1)),
        ("Manifests: {}\n", (ERROR, "wrong-type", 4, 12)),
        ("Manifests:\n- ~\n", (ERROR, "wrong-type", 5, 3)),
        ("Manifests:\n- x\n", (ERROR, "wrong-type", 5, 3)),
        ("Manifests: [" + "{}," * 101 + "]\n", (ERROR, "too-large", 4, 12)),
    ],
)
def test_the_list_of_manifests(text, expected):
    assert found(HEAD + text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Parameters: 1", (WARNING, "unknown-key", 5, 3)),
        ("Lifecycle: x", (ERROR, "wrong-type", 5, 14)),
        ("Name: [x]", (ERROR, "wrong-type", 5, 9)),
        ("Platform: linux", (ERROR, "wrong-type", 5, 13)),
        ("Platform: {os: [linux]}", (ERROR, "wrong-type", 5, 18)),
        ("Platform: {os: Linux}", (WARNING, "platform", 5, 18)),
        ("Platform: {architecture: x86_64}", (WARNING, "platform", 5, 28)),
        ("Platform: {architecture: armv7}", (WARNING, "platform", 5, 28)),
        ("Platform: {OS: linux}", (WARNING, "platform", 5, 14)),
        ("Platform: {os: '/(/'}", (WARNING, "platform", 5, 18)),
        ("Platform: {os: '-x'}", (WARNING, "platform", 5, 18)),
        ("Platform: {os: '/linux|darwin/', architecture: '*', x: ~}", None),
        ("Platform: {os: all, architecture: any}", None),
        ("Platform: ~", None),
        ("Selections: {a: b}", (ERROR, "wrong-type", 5, 15)),
        ("Selections: [a, ~]", (ERROR, "wrong-type", 5, 19)),
        ("Selections: a", None),
        ("Selections: [a, b]", None),
        ("Artifacts: {}", (ERROR, "wrong-type", 5, 14)),
        ("Artifacts: ~", None),
        ("Artifacts: [~]", (ERROR, "wrong-type", 5, 15)),
        ("Artifacts: [{}]", (ERROR, "missing-key", 5, 15)),
        ("Artifacts: [{uri: 's3://b/f', URI: 's3://b/g'}]", (WARNING, "duplicate-key", 5, 33)),
        ("Artifacts: [{Uri: s3://b/f, foo: 1}]", (WARNING, "unknown-key", 5, 31)),
        ("Artifacts: [{Uri: s3://b/f, Unarchive: tar}]", (ERROR, "invalid-value", 5, 42)),
        ("Artifacts: [{Uri: s3://b/f, unarchive: Zip}]", None),
        ("Artifacts: [{Uri: s3://b/f, Permission: owner}]", (ERROR, "wrong-type", 5, 43)),
        (
            "Artifacts: [{Uri: s3://b/f, Permission: {Read: me}}]",
            (ERROR, "invalid-value", 5, 50),
        ),
        ("Artifacts: [{Uri: s3://b/f, Permission: {READ: owner, execute: All}}]", None),
        ("Artifacts: [{Uri: 'docker:x', Unarchive: ZIP}]", (WARNING, "ignored-for-docker", 5, 33)),
        ("Artifacts: [{Uri: 'docker:x', Unarchive: none}]", None),
        (
            "Artifacts: [{Uri: 'docker:x', Permission: {Read: ALL}}]",
            (WARNING, "ignored-for-docker", 5, 33),
        ),
        (
            "Artifacts: [{Uri: s3://b/f}, {Uri: s3://c/f}]",
            (WARNING, "artifact-name-twice", 5, 38),
        ),
    ],
)
def test_one_manifest(text, expected):
    assert found(manifest(text)) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("s3://DOC-EXAMPLE-BUCKET/artifacts/c/1.0.0/hello-world.tar", None),
        ("s3://b/k/f.zip?versionId=1", None),
        ("greengrass:x/y.py", None),
        ("docker:mysql:8.0", None),
        ("DOCKER:mysql", None),
        ("docker:a/b@sha256:" + "0" * 64, None),
        ("docker:x[:tag|@digest]", "placeholder"),
        ("docker:x[:tag]", "placeholder"),
        ("docker:account-id.dkr.ecr.us-east-1.amazonaws.com/x:1", "placeholder"),
        ("docker:123456789012.dkr.ecr.region.amazonaws.com/x:1", "placeholder"),
        ("docker:a|b", "artifact-uri"),
        ("docker:a b", "artifact-uri"),
        ("docker:a\\b", "artifact-uri"),
        ("docker:a^b", "artifact-uri"),
        ("docker:<image>", "artifact-uri"),
        ("docker:{configuration:/image}", "artifact-uri"),
        ("docker:a%zz", "artifact-uri"),
        ("docker:a#b#c", "artifact-uri"),
        ("docker:", "artifact-uri"),
        ("s3//b/k", "artifact-scheme"),
        ("", "artifact-scheme"),
        ("1s3://b/k", "artifact-scheme"),
        ("https://example.com/f", "artifact-scheme-unsupported"),
        ("s3:b/k", "artifact-s3"),
        ("s3://b", "artifact-s3"),
        ("s3://b/", "artifact-s3"),
        ("s3:///k", "artifact-s3"),
        ("s3://b/folder/", "artifact-file-name"),
        ("s3://b/folder/..", "artifact-file-name"),
        ("greengrass:x/", "artifact-file-name"),
        ("s3://b/a[1].txt", "artifact-uri"),
    ],
)
def test_artifact_uris(uri, rule):
    text = manifest("Artifacts:\n  - URI: '" + uri + "'\n")
    assert found(text) == ([] if rule is None else [(ERROR, rule, 6, 10)])


def test_an_upper_case_s3_scheme_works_with_a_warning():
    text = manifest("Artifacts:\n  - URI: S3://b/k\n")
    assert found(text) == [(WARNING, "artifact-scheme-case", 6, 10)]


SHA = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (f"Digest: {SHA}, Algorithm: SHA-256", None),
        (f"Digest: {SHA}, Algorithm: sha-256", None),
        (f"Digest: {SHA}", (ERROR, "digest-without-algorithm", 6, 21)),
        ("Algorithm: SHA-256", (ERROR, "algorithm-without-digest", 6, 21)),
        (f"Digest: {SHA}, Algorithm: CRC32", (ERROR, "digest-algorithm", 6, 86)),
        (f"Digest: {HEX}, Algorithm: SHA-256", (ERROR, "digest-text", 6, 29)),
        ("Digest: '%', Algorithm: SHA-256", (ERROR, "digest-text", 6, 29)),
        (f"Digest: {SHA}, Algorithm: SHA-512", (ERROR, "digest-text", 6, 29)),
    ],
)
def test_digests(keys, expected):
    text = manifest("Artifacts:\n  - {URI: s3://b/f, " + keys + "}\n")
    assert found(text) == ([] if expected is None else [expected])


def test_the_base64_text_of_a_hex_digest_is_shown():
    text = manifest(
        f"Artifacts:\n  - {{URI: s3://b/f, Digest: {HEX}, Algorithm: SHA-256}}\n"
    ).encode()
    assert SHA in check_text(text, PATH, is_json=False)[1][0].fix


@pytest.mark.parametrize(
    ("platforms", "line"),
    [
        (["{os: linux}", "{os: darwin}", "~"], None),
        (["~", "{os: linux}"], 6),
        (["{os: all}", "{os: linux}"], 6),
        (["{os: linux}", "{os: linux}"], 6),
        (["{os: linux}", "{}", "{os: darwin}"], 7),
    ],
)
def test_manifests_that_are_never_chosen(platforms, line):
    text = HEAD + "Manifests:\n" + "".join(f"- Platform: {p}\n" for p in platforms)
    expected = [] if line is None else [(WARNING, "unreachable-manifest", line, 3)]
    assert found(text) == expected


@pytest.mark.parametrize(
    ("lifecycle", "expected"),
    [
        ("Run: x", None),
        ("RUN: {SCRIPT: x, RequiresPrivilege: True, SkipIf: onpath a, TIMEOUT: '5'}", None),
        ("bootstrap: {bootstrapOnRollback: true, script: x}", None),
        ("install: ~", None),
        ("run: {script: x, timeout: '{configuration:/t}'}", None),
        ("run: {script: x, skipif: 'onpath {configuration:/t}'}", None),
        ("run: {script: x, requiresPrivilege: '{configuration:/p}'}", None),
        ("Instal: x", (WARNING, "unknown-step", 6, 6)),
        ("Script: x", (WARNING, "step-key-outside-step", 6, 6)),
        ("RequiresPrivilege: true", (WARNING, "step-key-outside-step", 6, 6)),
        ("Run: {}", (ERROR, "step-without-script", 6, 6)),
        ("Run: {timeout: 1}", (ERROR, "step-without-script", 6, 6)),
        ("Run: [x]", (ERROR, "wrong-type", 6, 11)),
        ("Run: {script: {a: b}}", (ERROR, "wrong-type", 6, 20)),
        ("Run: {script: x, scrpt: y}", (WARNING, "unknown-key", 6, 23)),
        ("run: x, Run: y", (WARNING, "duplicate-key", 6, 14)),
        ("Run: {script: x, timeout: soon}", (ERROR, "timeout", 6, 32)),
        ("Run: {script: x, timeout: 0}", (ERROR, "timeout", 6, 32)),
        ("Run: {script: x, timeout: -1}", (ERROR, "timeout", 6, 32)),
        ("Run: {script: x, timeout: true}", (ERROR, "timeout", 6, 32)),
        ("Run: {script: x, timeout: [1]}", (ERROR, "timeout", 6, 32)),
        ("errorResetTime: never", (ERROR, "timeout", 6, 22)),
        ("Run: {script: x, skipif: onPath y}", (ERROR, "skipif", 6, 31)),
        ("Run: {script: x, skipif: onpath}", (ERROR, "skipif", 6, 31)),
        ("Run: {script: x, skipif: true}", (WARNING, "skipif", 6, 31)),
        ("Run: {script: x, requiresPrivilege: perhaps}", (WARNING, "requires-privilege", 6, 42)),
        ("Run: {script: x, setenv: a}", (ERROR, "setenv", 6, 31)),
        ("setenv: {A: [1]}", (ERROR, "setenv", 6, 18)),
        ("setenv: {'A=B': 1}", (ERROR, "setenv", 6, 15)),
        ("Run: 'docker run x[:tag|@digest]'", (ERROR, "placeholder", 6, 11)),
    ],
)
def test_a_lifecycle_of_a_manifest_and_the_global_one(lifecycle, expected):
    text = manifest("Lifecycle:\n    {" + lifecycle + "}\n")
    assert found(text) == ([] if expected is None else [expected])
    text = HEAD + "Manifests: [{}]\nLifecycle:\n    {" + lifecycle + "}\n"
    assert found(text) == ([] if expected is None else [expected])


def test_placeholders_in_the_comments_of_a_script_are_left_alone():
    text = manifest("Lifecycle:\n    Run: |\n      # docker run x[:tag|@digest]\n      true\n")
    assert found(text) == []


def test_faults_of_the_global_lifecycle_are_found_below_their_selections():
    text = (
        HEAD + "Manifests:\n- Selections: [k1]\n- Selections: [k2]\n  Platform: {os: darwin}\n"
        "Lifecycle:\n"
        "  install:\n"
        "    k1: {timeout: 1}\n"
        "    k2: {script: x, timeout: no}\n"
        "    extra: y\n"
        "  k3: {run: x}\n"
    )
    assert found(text) == [
        (WARNING, "unreachable-manifest", 6, 3),
        (ERROR, "step-without-script", 9, 3),
        (ERROR, "timeout", 11, 30),
        (WARNING, "ignored-beside-selection", 12, 5),
        (WARNING, "unknown-step", 13, 3),
    ]


def test_all_faults_of_a_file_at_once_in_the_order_of_their_places():
    text = (
        "RecipeFormatVersion: 1\nComponentName: a b\nComponentVersion: 1\nfoo: 1\n"
        "ComponentDependencies:\n  x: {VersionRequirement: '!'}\n"
        "Manifests:\n- Lifecycle: {Run: {}}\n  Artifacts: [{URI: ftp://x/y}]\n"
    )
    assert [(rule, line) for _, rule, line, _ in found(text)] == [
        ("format-version", 1),
        ("component-name", 2),
        ("component-version", 3),
        ("unknown-key", 4),
        ("version-requirement", 6),
        ("step-without-script", 8),
        ("artifact-scheme-unsupported", 9),
    ]


def test_json_places():
    text = '{\n  "RecipeFormatVersion": "2020-01-25",\n  "ComponentName": "a/b",\n  "X": 1\n}'
    assert found(text, is_json=True) == [
        (ERROR, "missing-key", 1, 1),
        (ERROR, "no-manifests", 1, 1),
        (ERROR, "component-name", 3, 20),
        (WARNING, "unknown-key", 4, 3),
    ]


def test_very_many_faults_are_cut():
    _, findings = check_text(
        (BASIC + "".join(f"k{i}: 1\n" for i in range(5000))).encode(), PATH, is_json=False
    )
    assert len(findings) == 201
    assert findings[-1].rule == "too-many-findings"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (HEAD, ["RECIPE_MISSING_MANIFEST"]),
        (manifest("Artifacts: [{URI: ftp://a/b}]"), ["UNSUPPORTED_ARTIFACT_SCHEME"]),
        (
            manifest("Artifacts: [{URI: s3//a/b}]"),
            ["ARTIFACT_URI_NOT_VALID", "EMPTY_ARTIFACT_SCHEME"],
        ),
        (
            manifest("Artifacts: [{URI: s3:a}]\n  Foo: 1\n  Name: [x]"),
            ["ARTIFACT_URI_NOT_VALID", "S3_ARTIFACT_URI_NOT_VALID", "RECIPE_PARSE_ERROR"],
        ),
        (manifest("Artifacts: [{URI: 'docker:a|b'}]"), ["RECIPE_PARSE_ERROR"]),
    ],
)
def test_codes_of_a_refused_recipe(text, codes):
    with pytest.raises(RecipeError) as caught:
        parse_text(text, PATH, is_json=False)
    assert list(caught.value.codes) == ["COMPONENT_PACKAGE_LOADING_ERROR", *codes]
