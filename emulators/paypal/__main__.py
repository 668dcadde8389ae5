from emulators.paypal.service import PayPal
from emulators.server import main

main(PayPal)
