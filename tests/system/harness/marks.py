"""What a test can say about itself: that it must fail so far, or cannot be run here."""


class Skipped(Exception):
    """The test cannot be run here; the reason is printed."""


def expected_failure(reason):
    """Marks a test of something that is not done yet. When it passes, that is a failure."""

    def mark(test):
        test.expected_failure = reason
        return test

    return mark
