from emulators.cosmos.service import Cosmos
from emulators.server import main

main(Cosmos)
