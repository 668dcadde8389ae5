from emulators.gemini.service import Gemini
from emulators.server import main

main(Gemini)
