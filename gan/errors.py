"""The user's errors, told apart from our own mistakes."""


class UserError(ValueError):
    """Input that the user can mend: the message names the value, the rule and the way out, on one line.

    Every command turns it into one line on stderr and exit code 2; the service into a 4xx problem text.
    """
