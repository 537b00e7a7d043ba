"""A user's module of settings, changed from outside by the programs."""

rate = 0.5


class Options:
    """A class whose attributes are settings."""

    depth = 1


options = Options()


def activation(x):
    return x * 2.0


def scaled(x):
    return x * rate
