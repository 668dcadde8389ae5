from emulators.server import main
from emulators.webpubsub.service import WebPubSub

main(WebPubSub)
