"""Words that invented artists and titles are built from."""

from __future__ import annotations

GENRES: dict[str, tuple[str, ...]] = {
    "indie rock": ("indie", "rock", "alternative"),
    "dream pop": ("dream pop", "shoegaze", "ethereal"),
    "synthpop": ("synthpop", "electronic", "80s"),
    "techno": ("techno", "electronic", "minimal"),
    "ambient": ("ambient", "electronic", "drone"),
    "folk": ("folk", "singer-songwriter", "acoustic"),
    "jazz": ("jazz", "bebop", "instrumental"),
    "soul": ("soul", "funk", "rnb"),
    "hip-hop": ("hip-hop", "rap", "underground hip-hop"),
    "metal": ("metal", "doom metal", "heavy"),
    "post-punk": ("post-punk", "new wave", "darkwave"),
    "classical": ("classical", "contemporary classical", "piano"),
    "house": ("house", "deep house", "dance"),
    "pop": ("pop", "female vocalists", "catchy"),
    "ukrainian": ("ukrainian", "folk", "indie"),
    "rembetiko": ("rembetiko", "greek", "folk"),
}
JUNK_TAGS = ("seen live", "favourites", "albums I own", "awesome", "to check out", "anna's list")

FIRST = (
    "Amber", "Bright", "Cold", "Distant", "Electric", "Fading", "Glass", "Hollow", "Iron", "Jade",
    "Kind", "Little", "Midnight", "Northern", "Open", "Paper", "Quiet", "Red", "Silver", "Tall",
    "Velvet", "Winter", "Young", "Slow", "Golden", "Broken", "Secret", "Wild", "Soft", "Blue",
)  # fmt: skip
SECOND = (
    "Harbour", "Lanterns", "Foxes", "Motel", "Orchard", "Satellites", "Tigers", "Avenue", "Choir",
    "Machines", "Rivers", "Society", "Weather", "Parade", "Museum", "Echoes", "Station", "Wolves",
    "Gardens", "Theory", "Cinema", "Ghosts", "Islands", "Engines", "Letters", "Sparrows", "Coast",
)  # fmt: skip
PEOPLE_FIRST = (
    "Mira", "Jonas", "Élodie", "Søren", "Zoë", "Björn", "Anaïs", "Tomás", "Ilse", "Marek", "Nuno",
    "Freya", "Łukasz", "Chloé", "Óscar", "Renée", "Mehmet", "Aoife", "Dóra", "Håkon",
)  # fmt: skip
PEOPLE_LAST = (
    "Vandermeer", "Kowalczyk", "Åkerlund", "Dubois", "Moreno", "Hallgrímsson", "O'Dell", "Novák",
    "Brøgger", "Castaño", "Weiß", "Fontaine", "Yıldız", "Andersson", "Pârvu", "de Wit",
)  # fmt: skip
CYRILLIC_NAMES = (
    "Тиха Ріка", "Зимовий Сад", "Нічний Трамвай", "Солоний Вітер", "Без Меж", "Жовтень", "Маяк",
    "Північне Сяйво", "Дім Вітрів", "Колишні Друзі", "Полярная Станция", "Чайки", "Синий Час",
    "Мята", "Електричка", "Крапля Дощу", "Тёплый Снег", "Старе Місто",
)  # fmt: skip
GREEK_NAMES = (
    "Νύχτα", "Θάλασσα", "Οι Γλάροι", "Μικρό Καφενείο", "Φεγγάρι", "Ελένη Βασιλάκη", "Αλμύρα",
    "Δρόμος", "Παλιά Πόλη", "Το Τρένο",
)  # fmt: skip

NOUNS = (
    "Light", "Water", "Road", "Window", "Summer", "Hands", "Fire", "Morning", "Heart", "Shadow",
    "Radio", "Tide", "Garden", "Stone", "Dream", "Signal", "Bridge", "Smoke", "Mirror", "Thread",
    "Snow", "Skin", "Ocean", "Map", "Clock", "Bird", "Room", "Star", "Letter", "Dust", "Salt",
    "Engine", "Wire", "Moon", "Harvest", "Sleep", "Colour", "Season", "Silence", "Static",
    "Answer", "Balcony", "Candle", "Daughter", "Echo", "Field", "Ghost", "Hour", "Iceland",
    "Jacket", "Kitchen", "Lullaby", "Message", "Number", "Orbit", "Pilot", "Question", "Rain",
    "Stranger", "Telephone", "Umbrella", "Valley", "Winter", "Yesterday", "Anchor", "Blossom",
    "Compass", "Diary", "Evening", "Feather", "Gravity", "Horizon", "Ink", "Journey", "Lemon",
)  # fmt: skip
ADJECTIVES = (
    "Lost", "Warm", "Hidden", "Endless", "Empty", "Burning", "Old", "Last", "First", "Early",
    "Heavy", "Gentle", "Strange", "Half", "Second", "Deep", "Faint", "Lonely", "Clear", "Late",
    "Borrowed", "Careless", "Distant", "Familiar", "Hollow", "Invisible", "Narrow", "Ordinary",
    "Patient", "Restless", "Silver", "Tender", "Unspoken", "Wasted", "Yellow", "Bitter", "Crooked",
)  # fmt: skip
CYRILLIC_WORDS = (
    "Світло", "Вода", "Дорога", "Вікно", "Літо", "Руки", "Вогонь", "Ранок", "Серце", "Тінь",
    "Радіо", "Море", "Сад", "Камінь", "Мрія", "Міст", "Дим", "Сніг", "Птах", "Зоря", "Тиша",
    "Осінь", "Листи", "Потяг", "Степ",
)  # fmt: skip
GREEK_WORDS = (
    "Φως", "Νερό", "Δρόμος", "Παράθυρο", "Καλοκαίρι", "Χέρια", "Φωτιά", "Πρωί", "Καρδιά", "Σκιά",
    "Θάλασσα", "Κήπος", "Πέτρα", "Όνειρο", "Γέφυρα", "Καπνός", "Χιόνι", "Πουλί", "Αστέρι", "Σιωπή",
)  # fmt: skip
LISTENER_NAMES = (
    "Anna", "Bohdan", "Cas", "Daria", "Emiel", "Fenna", "Gijs", "Halyna", "Ivo", "Jasmijn",
    "Kateryna", "Luuk", "Mykola", "Noor", "Oksana", "Pieter", "Quinten", "Roksolana", "Sam",
    "Taras",
)  # fmt: skip
