from emulators.server import main
from emulators.site.service import Site

main(Site)
