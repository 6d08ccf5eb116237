"""What the sample's sentences are made of: eight subjects of news, and some cooking.

All of it was made up for this package. A tuple of phrases lists words for one thing, so
any of them can stand for another in a paraphrase.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Subject:
    """The words of one subject matter."""

    actors: tuple[tuple[str, str], ...]  # Name, and who that is.
    verbs: tuple[tuple[str, ...], ...]  # Past tense and participle at once.
    objects: tuple[tuple[str, ...], ...]  # Plural, to stand after a number.
    reasons: tuple[tuple[str, ...], ...]  # Clauses that follow "because".


SUBJECTS = (
    Subject(  # Trade
        actors=(
            ("Norvane Foods", "a maker of frozen meals"),
            ("Tallis Retail", "the country 's second largest grocer"),
            ("Brightwell Motors", "a family-owned car dealer"),
            ("Quorra Textiles", "an exporter of cotton cloth"),
            ("Helmsley Paper", "a supplier of packaging"),
            ("Ostrand Shipping", "an operator of cargo lines"),
        ),
        verbs=(
            ("bought", "purchased", "acquired"),
            ("sold",),
            ("insured",),
            ("rented", "leased"),
        ),
        objects=(
            ("shops", "stores"),
            ("factories", "plants"),
            ("warehouses", "depots"),
            ("trucks", "lorries"),
        ),
        reasons=(
            ("profits fell", "earnings dropped"),
            ("demand was strong", "orders were high"),
            ("costs rose sharply", "expenses went up a lot"),
        ),
    ),
    Subject(  # Weather
        actors=(
            ("Storm Edda", "the first gale of the autumn"),
            ("Cyclone Marlo", "a slow-moving tropical system"),
            ("Storm Petra", "the worst of the season"),
            ("Hurricane Odell", "a category three hurricane"),
            ("Storm Wilmot", "a brief but violent squall"),
            ("Cyclone Tessaly", "a late monsoon depression"),
        ),
        verbs=(
            ("destroyed", "wrecked"),
            ("damaged",),
            ("struck", "hit"),
            ("overturned", "toppled"),
        ),
        objects=(
            ("houses", "homes"),
            ("boats", "vessels"),
            ("trees",),
            ("barns", "farm buildings"),
        ),
        reasons=(
            ("the warning came too late", "the alert was issued too late"),
            ("the river burst its banks", "the river overflowed"),
            ("the winds were so fierce", "the gusts were so strong"),
        ),
    ),
    Subject(  # Medicine
        actors=(
            ("Doctor Amara Linde", "a heart surgeon"),
            ("Professor Ivo Castellan", "the head of the virus unit"),
            ("Doctor Petra Vosk", "a specialist in sleep"),
            ("Saint Orla Hospital", "a teaching hospital"),
            ("Doctor Hugo Merriam", "an expert on asthma"),
            ("The Calder Clinic", "a centre for children"),
        ),
        verbs=(
            ("treated", "cared for"),
            ("examined", "checked"),
            ("vaccinated", "immunised"),
            ("recruited", "enrolled"),
        ),
        objects=(
            ("patients",),
            ("nurses", "nursing staff"),
            ("infants", "babies"),
            ("volunteers", "unpaid helpers"),
        ),
        reasons=(
            ("the fever spread", "the fever was spreading"),
            ("a new drug became available", "a new medicine could be had"),
            ("the trial was extended", "the study was made longer"),
        ),
    ),
    Subject(  # Sport
        actors=(
            ("Dario Lenk", "the captain of the visitors"),
            ("Mina Sorrel", "a former junior champion"),
            ("The Harbour Lions", "the leaders of the league"),
            ("Kofi Brandt", "a left-handed bowler"),
            ("The Redcliff Rovers", "a newly promoted side"),
            ("Yana Pell", "the oldest player in the squad"),
        ),
        verbs=(
            ("won", "secured"),
            ("lost",),
            ("predicted", "forecast"),
            ("celebrated",),
        ),
        objects=(
            ("matches", "games"),
            ("points",),
            ("medals",),
            ("titles", "championships"),
        ),
        reasons=(
            ("the goalkeeper was injured", "the goalkeeper was hurt"),
            ("the pitch was wet", "the ground was soaked"),
            ("the coach changed the team", "the trainer altered the line-up"),
        ),
    ),
    Subject(  # Space and science
        actors=(
            ("The Tycho Institute", "a centre for planetary research"),
            ("The Lumen Observatory", "a mountain telescope"),
            ("Ravi Okonjo", "an astronomer"),
            ("Sister Beata Kroll", "a pioneer of meteor studies"),
            ("The Aster Probe", "an unmanned spacecraft"),
            ("Leonie Faure", "a physicist"),
        ),
        verbs=(
            ("discovered", "found"),
            ("photographed", "filmed"),
            ("measured",),
            ("named",),
        ),
        objects=(
            ("comets",),
            ("craters", "impact pits"),
            ("moons", "satellites"),
            ("stars", "suns"),
        ),
        reasons=(
            ("the sky was clear", "there were no clouds"),
            ("a sharper lens was fitted", "a better lens was installed"),
            ("the orbit brought them close", "the orbit took them near"),
        ),
    ),
    Subject(  # Crime
        actors=(
            ("Inspector Nadia Holm", "the officer in charge"),
            ("Sergeant Luis Abara", "a veteran of the drugs squad"),
            ("The border guard", "a force of eight hundred"),
            ("Detective Orson Quill", "an investigator of fraud"),
            ("The coastal patrol", "a unit of the navy"),
            ("Judge Helga Strand", "the senior magistrate"),
        ),
        verbs=(
            ("arrested", "detained"),
            ("questioned", "interrogated"),
            ("released", "freed"),
            ("warned", "cautioned"),
        ),
        objects=(
            ("smugglers", "traffickers"),
            ("thieves", "robbers"),
            ("witnesses",),
            ("drivers", "motorists"),
        ),
        reasons=(
            ("a neighbour raised the alarm", "a resident gave the alarm"),
            ("the papers were forged", "the documents were fake"),
            ("a camera filmed them", "they were caught on camera"),
        ),
    ),
    Subject(  # Schools and books
        actors=(
            ("Matilda Crane", "a retired teacher"),
            ("The Fenwick Library", "the oldest in the county"),
            ("Ashdown College", "a school for the arts"),
            ("Tomas Ekberg", "a writer of detective novels"),
            ("The Lantern Press", "a small publisher"),
            ("Professor Wen Adair", "a historian"),
        ),
        verbs=(
            ("published", "brought out"),
            ("translated",),
            ("collected", "gathered"),
            ("donated", "handed over"),
        ),
        objects=(
            ("novels",),
            ("poems", "verses"),
            ("textbooks", "school books"),
            ("letters",),
        ),
        reasons=(
            ("the readers asked for them", "the readers wanted them"),
            ("the archive was opened", "the archive became public"),
            ("a prize had been offered", "there was a prize to be won"),
        ),
    ),
    Subject(  # Farming
        actors=(
            ("Old Bram Hester", "a sheep farmer"),
            ("The Greenfold Farm", "a cooperative of nine families"),
            ("Rosa Delgano", "a grower of olives"),
            ("The Mossdale Dairy", "a producer of soft cheese"),
            ("Jonas Wick", "a beekeeper"),
            ("The Barley Guild", "a union of growers"),
        ),
        verbs=(
            ("bought", "acquired"),
            ("lost",),
            ("insured",),
            ("moved", "shifted"),
        ),
        objects=(
            ("cows", "cattle"),
            ("goats",),
            ("apple trees", "apples"),
            ("hives", "bee colonies"),
        ),
        reasons=(
            ("the spring was dry", "there was little rain in spring"),
            ("the price of milk doubled", "milk became twice as dear"),
            ("the soil was rich", "the earth was fertile"),
        ),
    ),
)

PLACES = (
    *("Avelport", "Brennick", "Carrowmere", "Dunvale", "Eastholm", "Farrowgate"),
    *("Glenmoor", "Hartsby", "Inverlock", "Kestrel Bay", "Lowmarsh", "Marlebridge"),
    *("Northwick", "Oakhaven", "Pellworth", "Quarrytown", "Ravensea", "Stonebury"),
)

TIMES = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    *("New Year 's Day", "Midsummer 's Eve"),
)

SPEAKERS = (
    ("a spokesman", "a spokesperson"),
    ("officials", "the authorities"),
    ("the local radio", "the radio station there"),
    ("witnesses at the scene", "people who were there"),
)

# Cooking: what has nothing to do with any of the news.
FIRST_STEPS = ("Rinse", "Peel", "Chop", "Grate", "Soak", "Drain", "Slice", "Mash")
FOODS = (
    *("carrots", "lentils", "mushrooms", "onions", "peppers", "potatoes", "tomatoes"),
    *("beans", "leeks", "chickpeas", "parsnips", "aubergines"),
)
SECOND_STEPS = (
    *("let them simmer", "fry them gently", "roast them", "steam them", "bake them"),
    *("stir them slowly", "keep them warm"),
)
SEASONINGS = ("a pinch of salt", "plenty of pepper", "some butter", "fresh parsley")
