"""Documents from the web, fetched by the rules: whitelisted domains, robots.txt, one request at a time a
host, and never an address that is not public.

`crawl.py` is the door. It gives each document to a sink and remembers pages in `aion.store.pages`;
it knows neither chunks nor the index.
"""
