"""What the corpus says about the world: tables of records whose fields belong together."""

from engine.demo.corpus.vocabulary.lexicon import BOYS, GIRLS

Record = dict[str, str]


def _table(fields: str, text: str) -> tuple[Record, ...]:
    """Records from lines of values between commas."""
    names = fields.split()
    rows = (line.split(",") for line in text.strip().splitlines())
    return tuple(dict(zip(names, (v.strip() for v in row), strict=True)) for row in rows)


COUNTRIES = _table(
    "country capital continent language currency",
    """
    Afghanistan, Kabul, Asia, Dari, afghani
    Albania, Tirana, Europe, Albanian, lek
    Algeria, Algiers, Africa, Arabic, dinar
    Angola, Luanda, Africa, Portuguese, kwanza
    Argentina, Buenos Aires, South America, Spanish, peso
    Armenia, Yerevan, Asia, Armenian, dram
    Australia, Canberra, Oceania, English, dollar
    Austria, Vienna, Europe, German, euro
    Azerbaijan, Baku, Asia, Azerbaijani, manat
    Bahrain, Manama, Asia, Arabic, dinar
    Bangladesh, Dhaka, Asia, Bengali, taka
    Belarus, Minsk, Europe, Belarusian, rouble
    Belgium, Brussels, Europe, Dutch, euro
    Belize, Belmopan, North America, English, dollar
    Bhutan, Thimphu, Asia, Dzongkha, ngultrum
    Botswana, Gaborone, Africa, Tswana, pula
    Brazil, Brasilia, South America, Portuguese, real
    Bulgaria, Sofia, Europe, Bulgarian, euro
    Cambodia, Phnom Penh, Asia, Khmer, riel
    Cameroon, Yaounde, Africa, French, franc
    Canada, Ottawa, North America, English, dollar
    Chad, N'Djamena, Africa, French, franc
    Chile, Santiago, South America, Spanish, peso
    China, Beijing, Asia, Mandarin, yuan
    Colombia, Bogota, South America, Spanish, peso
    Costa Rica, San Jose, North America, Spanish, colon
    Croatia, Zagreb, Europe, Croatian, euro
    Cuba, Havana, North America, Spanish, peso
    Cyprus, Nicosia, Europe, Greek, euro
    Denmark, Copenhagen, Europe, Danish, krone
    Ecuador, Quito, South America, Spanish, dollar
    Egypt, Cairo, Africa, Arabic, pound
    El Salvador, San Salvador, North America, Spanish, dollar
    Eritrea, Asmara, Africa, Tigrinya, nakfa
    Estonia, Tallinn, Europe, Estonian, euro
    Ethiopia, Addis Ababa, Africa, Amharic, birr
    Fiji, Suva, Oceania, English, dollar
    Finland, Helsinki, Europe, Finnish, euro
    France, Paris, Europe, French, euro
    Gabon, Libreville, Africa, French, franc
    Georgia, Tbilisi, Asia, Georgian, lari
    Germany, Berlin, Europe, German, euro
    Ghana, Accra, Africa, English, cedi
    Greece, Athens, Europe, Greek, euro
    Guatemala, Guatemala City, North America, Spanish, quetzal
    Guinea, Conakry, Africa, French, franc
    Haiti, Port-au-Prince, North America, French, gourde
    Honduras, Tegucigalpa, North America, Spanish, lempira
    Hungary, Budapest, Europe, Hungarian, forint
    Iceland, Reykjavik, Europe, Icelandic, krona
    India, New Delhi, Asia, Hindi, rupee
    Indonesia, Jakarta, Asia, Indonesian, rupiah
    Iran, Tehran, Asia, Persian, rial
    Iraq, Baghdad, Asia, Arabic, dinar
    Ireland, Dublin, Europe, Irish, euro
    Italy, Rome, Europe, Italian, euro
    Jamaica, Kingston, North America, English, dollar
    Japan, Tokyo, Asia, Japanese, yen
    Jordan, Amman, Asia, Arabic, dinar
    Kazakhstan, Astana, Asia, Kazakh, tenge
    Kenya, Nairobi, Africa, Swahili, shilling
    Kuwait, Kuwait City, Asia, Arabic, dinar
    Kyrgyzstan, Bishkek, Asia, Kyrgyz, som
    Laos, Vientiane, Asia, Lao, kip
    Latvia, Riga, Europe, Latvian, euro
    Lebanon, Beirut, Asia, Arabic, pound
    Liberia, Monrovia, Africa, English, dollar
    Libya, Tripoli, Africa, Arabic, dinar
    Lithuania, Vilnius, Europe, Lithuanian, euro
    Madagascar, Antananarivo, Africa, Malagasy, ariary
    Malawi, Lilongwe, Africa, Chichewa, kwacha
    Malaysia, Kuala Lumpur, Asia, Malay, ringgit
    Mali, Bamako, Africa, Bambara, franc
    Malta, Valletta, Europe, Maltese, euro
    Mauritania, Nouakchott, Africa, Arabic, ouguiya
    Mexico, Mexico City, North America, Spanish, peso
    Moldova, Chisinau, Europe, Romanian, leu
    Mongolia, Ulaanbaatar, Asia, Mongolian, togrog
    Montenegro, Podgorica, Europe, Montenegrin, euro
    Morocco, Rabat, Africa, Arabic, dirham
    Mozambique, Maputo, Africa, Portuguese, metical
    Namibia, Windhoek, Africa, English, dollar
    Nepal, Kathmandu, Asia, Nepali, rupee
    New Zealand, Wellington, Oceania, English, dollar
    Nicaragua, Managua, North America, Spanish, cordoba
    Niger, Niamey, Africa, French, franc
    Nigeria, Abuja, Africa, English, naira
    Norway, Oslo, Europe, Norwegian, krone
    Oman, Muscat, Asia, Arabic, rial
    Pakistan, Islamabad, Asia, Urdu, rupee
    Panama, Panama City, North America, Spanish, balboa
    Paraguay, Asuncion, South America, Guarani, guarani
    Peru, Lima, South America, Spanish, sol
    Poland, Warsaw, Europe, Polish, zloty
    Portugal, Lisbon, Europe, Portuguese, euro
    Qatar, Doha, Asia, Arabic, riyal
    Romania, Bucharest, Europe, Romanian, leu
    Russia, Moscow, Europe, Russian, rouble
    Rwanda, Kigali, Africa, Kinyarwanda, franc
    Saudi Arabia, Riyadh, Asia, Arabic, riyal
    Senegal, Dakar, Africa, French, franc
    Serbia, Belgrade, Europe, Serbian, dinar
    Slovakia, Bratislava, Europe, Slovak, euro
    Slovenia, Ljubljana, Europe, Slovene, euro
    Somalia, Mogadishu, Africa, Somali, shilling
    South Korea, Seoul, Asia, Korean, won
    Spain, Madrid, Europe, Spanish, euro
    Sudan, Khartoum, Africa, Arabic, pound
    Suriname, Paramaribo, South America, Dutch, dollar
    Sweden, Stockholm, Europe, Swedish, krona
    Switzerland, Bern, Europe, German, franc
    Syria, Damascus, Asia, Arabic, pound
    Thailand, Bangkok, Asia, Thai, baht
    Togo, Lome, Africa, French, franc
    Tunisia, Tunis, Africa, Arabic, dinar
    Turkey, Ankara, Asia, Turkish, lira
    Uganda, Kampala, Africa, English, shilling
    Ukraine, Kyiv, Europe, Ukrainian, hryvnia
    Uruguay, Montevideo, South America, Spanish, peso
    Uzbekistan, Tashkent, Asia, Uzbek, som
    Venezuela, Caracas, South America, Spanish, bolivar
    Vietnam, Hanoi, Asia, Vietnamese, dong
    Zambia, Lusaka, Africa, English, kwacha
    Zimbabwe, Harare, Africa, Shona, dollar
    """,
)

ELEMENTS = _table(
    "element symbol atomic_number",
    """
    hydrogen, H, 1
    helium, He, 2
    lithium, Li, 3
    carbon, C, 6
    nitrogen, N, 7
    oxygen, O, 8
    fluorine, F, 9
    neon, Ne, 10
    sodium, Na, 11
    magnesium, Mg, 12
    aluminium, Al, 13
    silicon, Si, 14
    phosphorus, P, 15
    sulphur, S, 16
    chlorine, Cl, 17
    argon, Ar, 18
    potassium, K, 19
    calcium, Ca, 20
    iron, Fe, 26
    nickel, Ni, 28
    copper, Cu, 29
    zinc, Zn, 30
    silver, Ag, 47
    tin, Sn, 50
    iodine, I, 53
    tungsten, W, 74
    platinum, Pt, 78
    gold, Au, 79
    mercury, Hg, 80
    lead, Pb, 82
    radium, Ra, 88
    uranium, U, 92
    """,
)

SCIENTISTS = _table(
    "scientist field discovery discovery_year",
    """
    Isaac Newton, physics, the law of gravitation, 1687
    Albert Einstein, physics, the theory of relativity, 1905
    Charles Darwin, biology, natural selection, 1859
    Marie Curie, chemistry, radium, 1898
    Galileo Galilei, astronomy, the moons of Jupiter, 1610
    Michael Faraday, physics, electromagnetic induction, 1831
    James Maxwell, physics, the equations of light, 1865
    Max Planck, physics, the quantum of energy, 1900
    Gregor Mendel, biology, the laws of heredity, 1866
    Louis Pasteur, biology, the germs of fermentation, 1857
    Dmitri Mendeleev, chemistry, the periodic table, 1869
    Alexander Fleming, medicine, penicillin, 1928
    Edwin Hubble, astronomy, the expansion of the universe, 1929
    William Herschel, astronomy, the planet Uranus, 1781
    Johannes Kepler, astronomy, the laws of planetary motion, 1609
    Ernest Rutherford, physics, the atomic nucleus, 1911
    Niels Bohr, physics, the model of the atom, 1913
    Alfred Wegener, geology, continental drift, 1912
    Antoine Lavoisier, chemistry, the conservation of mass, 1789
    Wilhelm Rontgen, physics, the rays called X, 1895
    Rosalind Franklin, biology, the shape of genetic molecules, 1952
    William Harvey, medicine, the circulation of the blood, 1628
    """,
)

PEOPLE: tuple[Record, ...] = (
    *({"hero": name, "he": "she", "him": "her", "his": "her"} for name in GIRLS),
    *({"hero": name, "he": "he", "him": "him", "his": "his"} for name in BOYS),
)
