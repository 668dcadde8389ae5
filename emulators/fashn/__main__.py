from emulators.fashn.service import Fashn
from emulators.server import main

main(Fashn)
