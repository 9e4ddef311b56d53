# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Recognize the emotion of each utterance of recordings or transcripts.

    amuse recognize talk.mp4 --transcript talk.srt --model amuse-sample
    amuse recognize talk.wav --speech_model openai/whisper-base --output talk.json talk.csv --picture talk.png
    amuse recognize recordings/ --output timelines --formats json srt

A folder means all recordings and transcripts in it. The transcript of a recording is the file of the same name in the same
folder (`talk.srt` for `talk.mp4`). Without a transcript, --speech_model transcribes the recording.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.recognition.recognition_arguments import RecognitionArguments


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 when one of the files could not be read."""
    [args] = read_options(arguments, RecognitionArguments, description=__doc__)
    from modeling_amuse.scripts.recognition.recognition import recognize_files

    return recognize_files(args)
