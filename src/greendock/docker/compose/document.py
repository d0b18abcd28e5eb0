"""One compose file's text into plain data, bounded.

Pure. PyYAML's safe loader, with limits on size, depth and what merge keys write out to; compose's
own tags (`!reset`, `!override`) are known, others ignored. Called by `compose_file`.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

LARGEST_BYTES = 256 * 1024
_DEEPEST = 60
_MOST_MERGED = 10_000


class ComposeFileError(ValueError):
    """The file can't be read as a compose file; says why."""


class Reset:
    """`!reset`: what an earlier file said of this key does not count."""


RESET: Final = Reset()


class _Loader(yaml.SafeLoader):
    depth = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_MERGED:
            raise ComposeFileError("its merge keys write out to too much")

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ComposeFileError("it nests too deeply")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _tagged(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    if tag == "reset":
        return RESET
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("!", _tagged)


def read_document(text: str) -> dict[str, Any]:
    """Raises ComposeFileError."""
    if len(text) > LARGEST_BYTES:
        raise ComposeFileError(f"it has more than {LARGEST_BYTES // 1024} KiB")
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - a safe loader of ours
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        if isinstance(error, ComposeFileError):
            raise
        raise ComposeFileError(f"it is no YAML: {_short(error)}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ComposeFileError("it is no map")
    return {str(key): value for key, value in found.items()}


def _short(error: BaseException) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return type(error).__name__
