"""A class of twenty thousand members: listed whole, page by page, by the bus and by pclassctl."""
import test_empty


class TwentyThousand(test_empty.Pages):
    N = 20000
