"""Names for containers that get none from their user: an adjective and a scientist (moby pkg/namesgenerator; a few of its many)."""

ADJECTIVES = (
    "admiring", "adoring", "agitated", "amazing", "bold", "brave", "charming", "clever", "compassionate", "cool", "dazzling",
    "determined", "eager", "ecstatic", "elegant", "festive", "focused", "friendly", "gallant", "gifted", "happy", "hopeful",
    "infallible", "inspiring", "jolly", "keen", "kind", "laughing", "loving", "lucid", "modest", "mystifying", "nervous", "nifty",
    "optimistic", "peaceful", "practical", "quirky", "quizzical", "relaxed", "romantic", "serene", "sharp", "stoic", "tender",
    "thirsty", "trusting", "upbeat", "vibrant", "vigilant", "wizardly", "wonderful", "xenodochial", "youthful", "zealous", "zen",
)  # fmt: skip
SURNAMES = (
    "agnesi", "albattani", "archimedes", "babbage", "bardeen", "bell", "blackwell", "bohr", "bose", "cannon", "carson", "curie",
    "darwin", "dijkstra", "dirac", "einstein", "elion", "euclid", "euler", "faraday", "fermat", "fermi", "feynman", "franklin",
    "galileo", "gates", "gauss", "germain", "goldberg", "hamilton", "hawking", "heisenberg", "hopper", "hypatia", "jackson", "jang",
    "johnson", "kalam", "kare", "keller", "kepler", "knuth", "kowalevski", "lalande", "lamarr", "leakey", "lovelace", "lumiere",
    "mayer", "mccarthy", "meitner", "mendel", "morse", "napier", "newton", "nobel", "noether", "pascal", "pasteur", "perlman", "pike",
    "ramanujan", "ride", "ritchie", "rosalind", "shannon", "stonebraker", "swartz", "tesla", "thompson", "torvalds", "turing",
    "varahamihira", "villani", "wescoff", "wing", "wozniak", "wright", "yalow", "yonath",
)  # fmt: skip
