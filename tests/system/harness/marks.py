"""What a test can say about itself: that it must fail so far, takes long, or cannot be run here."""


class Skipped(Exception):
    """The test cannot be run here; the reason is printed."""


def slow(minutes):
    """Marks a test that may take so long: it is run only when the slow ones are asked for."""

    def mark(test):
        test.minutes = minutes
        return test

    return mark


def expected_failure(reason):
    """Marks a test of something that is not done yet. When it passes, that is a failure."""

    def mark(test):
        test.expected_failure = reason
        return test

    return mark
