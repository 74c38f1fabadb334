"""Audio as it is kept and played: Opus (default), MP3, or WAV. One pass, no seeking back, memory flat.

ffmpeg's encoders in our own process (PyAV): starting the program would take 70 ms of CPU, more than Asterisk needs for
a whole short call (docs/performance.md).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import av
from av.audio.stream import AudioStream

from callcenter.recordings import ogg
from callcenter.recordings.stereo import Block
from callcenter.recordings.wav import RATE, SAMPLE_BYTES, header


class Format(StrEnum):
    OPUS = "opus"
    MP3 = "mp3"
    WAV = "wav"


@dataclass(frozen=True, slots=True)
class Codec:
    """How ffmpeg is asked for a format. Rates are for both channels together, in bit/s."""

    container: str
    encoder: str
    bit_rate: int
    options: dict[str, object]
    container_options: dict[str, str]

    def output(self, sink: "Sink") -> "_Unseekable":
        """What ffmpeg writes to."""
        return _UncoupledOpus(sink) if self.container == "ogg" else _Unseekable(sink)


MEDIA_TYPES = {Format.OPUS: "audio/ogg", Format.MP3: "audio/mpeg", Format.WAV: "audio/wav"}
SUFFIXES = {"audio/ogg": ".opus", "audio/mpeg": ".mp3", "audio/wav": ".wav"}
CODECS = {
    # complexity 5 of 10: a fifth quicker than 10, which speech at 8 kHz does not gain from
    Format.OPUS: Codec(
        "ogg", "libopus", 24_000, {"application": "voip", "compression_level": "5", "mapping_family": "255"}, {}
    ),
    # without the Xing header, which would be written last, at the file's begin
    Format.MP3: Codec("mp3", "libmp3lame", 32_000, {"joint_stereo": "0"}, {"write_xing": "0", "id3v2_version": "0"}),
}


class Sink(Protocol):
    """Takes the encoded bytes in order."""

    def write(self, audio: bytes, /) -> int: ...


class WavEncoder:
    """16-bit PCM stereo, 8 kHz. Its length must be known: it comes first."""

    def __init__(self, sink: Sink, samples: int) -> None:
        self._sink = sink
        sink.write(header(2, samples * 2 * SAMPLE_BYTES))

    def encode(self, block: Block) -> None:
        self._sink.write(block.astype("<i2", copy=False).tobytes())

    def close(self) -> None:
        """Nothing is left to write."""


class AvEncoder:
    """Opus in Ogg (RFC 7845), or MP3."""

    def __init__(self, sink: Sink, codec: Codec) -> None:
        self._file = av.open(codec.output(sink), "w", format=codec.container, options=codec.container_options)
        self._stream: AudioStream = self._file.add_stream(codec.encoder, rate=RATE, layout="stereo")  # type: ignore[assignment]
        self._stream.bit_rate = codec.bit_rate
        self._stream.options = codec.options
        self._done = 0

    def encode(self, block: Block) -> None:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, self._done
        self._done += len(block)
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds. Raises `OSError`."""
        if self._done:
            self._file.mux(self._stream.encode(None))
        self._file.close()


class _Unseekable:
    """ffmpeg asks a file object for what it can do: this one only takes bytes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, audio: bytes) -> int:
        return self._sink.write(bytes(audio))


class _UncoupledOpus(_Unseekable):
    """Lets an Opus file begin with the header that `ogg` makes of ffmpeg's."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._first: bytearray | None = bytearray()

    def write(self, audio: bytes) -> int:
        if self._first is None:
            return super().write(audio)
        self._first += audio
        length = ogg.page_length(self._first)
        if length is not None and len(self._first) >= length:
            page, rest, self._first = bytes(self._first[:length]), bytes(self._first[length:]), None
            super().write(ogg.as_left_and_right(page) + rest)
        return len(audio)


def encoder(format: Format, sink: Sink, samples: int) -> WavEncoder | AvEncoder:
    """An encoder for so many samples of 8 kHz stereo."""
    return WavEncoder(sink, samples) if format is Format.WAV else AvEncoder(sink, CODECS[format])
