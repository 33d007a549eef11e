"""What may be told of the openai client's errors."""

import openai


def kind_of(error: openai.OpenAIError) -> str:
    """Its type and HTTP status; not its message, in which a server may echo the request, key and all."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}{'' if status is None else f' ({status})'}"
