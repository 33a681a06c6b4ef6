"""Reads bytes bit by bit, the first bit of each byte first."""


class Bits:
    """A row of bits, and the place up to which it is read."""

    def __init__(self, content: bytes) -> None:
        self._count = 8 * len(content)
        self._value = int.from_bytes(content, "big")
        self.place = 0

    def read(self, count: int) -> int:
        """The next so many as a number. Raises EOFError."""
        value = self.try_read(count)
        if value is None:
            raise EOFError
        return value

    def try_read(self, count: int) -> int | None:
        """The same, or None where there are not as many."""
        if self.place + count > self._count:
            return None
        self.place += count
        return self._value >> self._count - self.place & (1 << count) - 1

    def written(self, count: int) -> bytes:
        """The first so many, filled up with zeros to whole bytes."""
        padding = -count % 8
        return (self._value >> self._count - count << padding).to_bytes((count + padding) // 8, "big")
