from emulators.email.service import Email
from emulators.server import main

main(Email)
