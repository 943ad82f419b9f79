"""Whether a generated Python function parses, and whether it is the function that was asked for."""

import ast


def first_function(text: str) -> str:
    """The source of the first function in a text, up to its first empty line; may be empty."""
    _, found, rest = text.partition("def ")
    return found + rest.split("\n\n")[0] if found else ""


def parse(source: str) -> ast.FunctionDef | None:
    """The function that `source` consists of (statements may follow it), or None."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    return tree.body[0] if tree.body and isinstance(tree.body[0], ast.FunctionDef) else None


def same_function(one: ast.FunctionDef, other: ast.FunctionDef) -> bool:
    """Whether two functions of one parameter have the same name and body.

    The parameter's name and the docstring make no difference.
    """
    return _bare(one) == _bare(other)


def _bare(function: ast.FunctionDef) -> str:
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    parameters = [argument.arg for argument in function.args.args]
    source = "\n".join(map(ast.unparse, body))
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in parameters:
            node.id = "parameter"
    return f"{function.name}({len(parameters)})\n{ast.unparse(tree)}"
