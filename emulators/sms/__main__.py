from emulators.server import main
from emulators.sms.service import Sms

main(Sms)
