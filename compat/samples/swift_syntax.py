"""Reads a Swift file with the grammar of tree-sitter: standins.test.mjs.

Prints every string literal as the text that it means, in hex, one a line, in order; or
what is wrong, and fails. The grammar lets more through than the language does: a string
that computes something, or that goes on in the next line, is wrong here too.
"""

import re
import sys

import tree_sitter
import tree_sitter_swift

SIMPLE = {"\\0": "\0", "\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r", '\\"': '"', "\\'": "'"}


def meant(node) -> str:
    text = node.text.decode()
    if node.type == "line_str_text":
        if "\n" in text or "\r" in text:
            raise ValueError("a literal goes on in the next line")
        return text
    if node.type == "str_escaped_char":
        number = re.fullmatch(r"\\u\{([0-9A-Fa-f]{1,8})\}", text)
        return chr(int(number[1], 16)) if number else SIMPLE[text]
    raise ValueError(f"a literal holds {node.type}: {text}")


def literals(node):
    if node.type == "ERROR" or node.is_missing:
        raise ValueError(f"not of the grammar: {node.text.decode()!r} in line {node.start_point[0] + 1}")
    if node.type == "line_string_literal":
        opening, *parts, closing = node.children
        if opening.text != b'"' or closing.text != b'"':
            raise ValueError("a literal is not between quotes")
        yield "".join(map(meant, parts))
        return
    for child in node.children:
        yield from literals(child)


def main() -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))
    with open(sys.argv[1], "rb") as file:
        tree = parser.parse(file.read())
    try:
        found = list(literals(tree.root_node))
        if tree.root_node.has_error:
            raise ValueError("not of the grammar")
    except (ValueError, KeyError) as error:
        sys.exit(str(error))
    for text in found:
        print(text.encode().hex())


main()
