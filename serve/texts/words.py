"""The words of the offline grammar: what each family of weapons is called, sounds like and does.

A family is found by the words in a type's name (`long_blade`, `Crossbow gun`, `war axe`); a type that is no
weapon we know falls to the family of unnamed things, whose words fit any object.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Family:
    """`signs` are parts of type names; `nouns` head a name; `tails` end a compound (Frost + fang)."""

    signs: tuple[str, ...]
    nouns: tuple[str, ...]
    tails: tuple[str, ...]
    sayings: tuple[str, ...]
    perks: tuple[tuple[str, str], ...]


def split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# The order matters: a crossbow is a bow before it is a gun, a poleaxe a polearm before it is an axe.
FAMILIES: dict[str, Family] = {
    "bow": Family(
        signs=split("bow sling slingshot atlatl"),
        nouns=split("Longbow String Recurve Arc Flight Whisper Hunter Fletcher Thorn Draw Wing Volley Stoop Shaft"),
        tails=split("string flight thorn wing song quill arc feather reach"),
        sayings=(
            "Loose it once and you will hear {place} breathe in.",
            "The string was spun from {stuff}; it hums before rain.",
            "An arrow is only a promise. This keeps them.",
            "It has never missed what it was sorry for.",
        ),
        perks=(
            ("Patient Draw", "A fully drawn shot pierces the first target and marks the second."),
            ("Windreader", "Arrows bend once, towards whatever the wind has touched last."),
            ("Silent String", "The first shot from hiding makes no sound and leaves no trail."),
            ("Returning Flight", "One arrow in five finds its way back to the quiver."),
            ("Thornvolley", "Three quick shots in a row make the fourth burst into splinters."),
        ),
    ),
    "gun": Family(
        signs=split("gun rifle pistol revolver cannon carbine musket blunderbuss launcher smg sidearm shotgun sniper"),
        nouns=split("Protocol Repeater Argument Verdict Muzzle Ordinance Signal Sermon Report Trigger Chamber Recoil"),
        tails=split("bolt shot spark fire burst flare report lock"),
        sayings=(
            "The serial number is a date. It has not happened yet.",
            "Safety catch: none. Safety: none.",
            "It was a peace offering, until someone found the trigger.",
            "The recoil is how it says thank you.",
        ),
        perks=(
            ("Last Word", "The final round of each magazine strikes twice as hard."),
            ("Ember Rounds", "Targets hit three times catch fire and light up their neighbours."),
            ("Quick Temper", "Reloading after a kill takes a third of the time."),
            ("Ricochet Hymn", "Missed shots bounce once, and sing about it."),
            ("Steady Verdict", "Standing still tightens the aim with every shot."),
        ),
    ),
    "polearm": Family(
        signs=split("polearm spear lance halberd pike trident glaive poleaxe javelin scythe naginata bardiche"),
        nouns=split("Lance Reach Pike Glaive Warden Spire Partisan Needle Vigil Tine Standard Harrow Longspear"),
        tails=split("reach spire lance thorn pike watch tine piercer"),
        sayings=(
            "It held the gate at {place} for a night, alone, leaning on a wall.",
            "Keep what you fear at the other end of it.",
            "The haft is {stuff}, and older than the king it buried.",
            "Nine feet of good advice.",
        ),
        perks=(
            ("Hold the Line", "Standing your ground for a breath doubles the next thrust."),
            ("Long Memory", "Foes struck once cannot come within reach for three heartbeats."),
            ("Vaulting Haft", "Plant it and leap: the landing staggers all around you."),
            ("Rank and File", "Each ally beside you adds to its reach."),
            ("Skewer", "A running thrust carries through every foe in its path."),
        ),
    ),
    "axe": Family(
        signs=split("axe hatchet tomahawk cleaver"),
        nouns=split("Cleaver Hewer Splitter Wedge Feller Broadaxe Reaver Hook Timber Quarrel Bite Feast Woodsman"),
        tails=split("cleave hew split bite fall rend maw reaver"),
        sayings=(
            "The forest at {place} still flinches.",
            "It was made for wood. It was told otherwise.",
            "Sharpened with {stuff}, blunted on nothing.",
            "Swing once for the door, once for what is behind it.",
        ),
        perks=(
            ("Deep Bite", "Each blow on the same foe opens the armour a little further."),
            ("Felling Stroke", "Wounded giants topple in the direction you choose."),
            ("Kindling", "Shattered shields feed it: the next swing burns."),
            ("Momentum", "Every swing without rest is faster than the last."),
            ("Homeward Throw", "Thrown, it takes the long way back to your hand."),
        ),
    ),
    "blunt": Family(
        signs=split("mace hammer club maul flail morningstar cudgel blunt knuckle fist"),
        nouns=split("Maul Anvil Toll Knell Crusher Verdict Gavel Boulder Breaker Bell Crown Censer Rampart"),
        tails=split("crush fall knell toll breaker bell maul brow"),
        sayings=(
            "It does not cut. It convinces.",
            "Rung once at {place}; the bells there have been quiet since.",
            "Some doors have no key. This has no door.",
            "Its head is {stuff}, packed tight and still angry.",
        ),
        perks=(
            ("Aftershock", "Heavy blows ripple through the ground and stagger the second rank."),
            ("Bell Toll", "A struck helmet rings; everyone who hears it hesitates."),
            ("Bonebreaker", "Armour counts for half against a full overhead swing."),
            ("Stonefall", "Striking the ground raises a wall to your knee, for as long as you hold."),
            ("Weight of Proof", "The longer since the last blow, the harder the next."),
        ),
    ),
    "staff": Family(
        signs=split("staff rod wand sceptre scepter crook orb tome cane"),
        nouns=split("Staff Beacon Bough Rod Sceptre Lantern Root Branch Conduit Canticle Crook Wick Augury"),
        tails=split("bough light root song weave wick glow whisper"),
        sayings=(
            "Cut from a tree that {place} has no name for.",
            "Lean on it and it leans back.",
            "The light inside is {stuff}, and would like to be let out.",
            "Every spell it knows is an apology.",
        ),
        perks=(
            ("Kindled Wick", "Spells cast in the dark cost half and shine twice."),
            ("Rootbound", "Standing still draws strength up from the earth."),
            ("Echo Cast", "One spell in six is spoken again by the staff itself."),
            ("Warding Tap", "Tap it thrice: the next blow meant for you goes elsewhere."),
            ("Borrowed Light", "Holds the last element that struck you, and gives it back."),
        ),
    ),
    "whip": Family(
        signs=split("whip lash chain scourge"),
        nouns=split("Lash Coil Tongue Serpent Tether Scourge Knot Braid Ribbon Leash"),
        tails=split("lash coil tongue tail braid sting"),
        sayings=(
            "It learned to speak at {place}, and knows one word.",
            "Braided from {stuff} by someone who was not in a hurry.",
            "The crack comes first. The pain is merely punctual.",
        ),
        perks=(
            ("Long Tongue", "Reaches round shields and corners."),
            ("Disarming Crack", "A perfect strike takes the weapon out of a hand."),
            ("Tether", "Pulls small foes close and you towards large ones."),
            ("Serpent's Rhythm", "Strikes on the beat cost no strength at all."),
        ),
    ),
    "blade": Family(
        signs=split(
            "blade sword dagger knife sabre saber rapier katana scimitar stiletto dirk falchion claymore cutlass"
        ),
        nouns=split("Edge Fang Oath Razor Talon Reaver Kiss Whisper Ribbon Tongue Sabre Warblade Shard Gleam"),
        tails=split("edge fang bite brand kiss talon shard cutter"),
        sayings=(
            "Drawn at {place}, and not yet sheathed.",
            "The edge was folded with {stuff} until it forgave nothing.",
            "It is always the second sharpest thing in the room. It prefers it so.",
            "Swords remember. This one takes notes.",
        ),
        perks=(
            ("Keen Memory", "The same cut never costs as much twice."),
            ("Opening Gambit", "The first strike of a fight cannot be parried."),
            ("Riposte", "A blow turned aside is returned with interest."),
            ("Crescent Step", "A full swing carries you half a step out of harm's way."),
            ("Thirst", "Each fallen foe mends the edge and a little of its bearer."),
        ),
    ),
    "thrown": Family(
        signs=split("ammo arrow bolt dart bullet stone thrown shuriken bomb grenade javelins missile"),
        nouns=split("Barb Sting Dart Pebble Messenger Sparrow Comet Hail Splinter Errand Flint"),
        tails=split("barb sting dart flint hail spark quill"),
        sayings=(
            "Made to be lost. Found again, every time.",
            "One of a set. The others are already at {place}.",
            "Tipped with {stuff}; do not lick your fingers.",
        ),
        perks=(
            ("Errand", "Flies a little further than it was thrown."),
            ("Barbed", "Foes that pull it out lose more than they gain."),
            ("Shatterpoint", "Bursts against armour and takes the armour along."),
            ("Found Again", "Returns to the bag at the next sunrise."),
        ),
    ),
    "shield": Family(
        signs=split("shield buckler armour armor helm gauntlet"),
        nouns=split("Bulwark Aegis Wall Ward Rampart Threshold Refuge Lid Bastion"),
        tails=split("ward wall guard brow gate"),
        sayings=(
            "Dents from {place}, paint from home.",
            "Behind it there is always room for one more.",
            "It was a door once. In a way it still is.",
        ),
        perks=(
            ("Threshold", "The first blow of every fight simply does not arrive."),
            ("Room for One More", "Allies behind you share its guard."),
            ("Mirror Finish", "A spell met squarely goes back where it came from."),
        ),
    ),
}

UNNAMED = Family(
    signs=(),
    nouns=split("Relic Vow Heirloom Oath Keepsake Omen Burden Answer Hour Legacy Covenant Reckoning Trophy Remnant"),
    tails=split("mark vow brand ward bane grace thorn fall"),
    sayings=(
        "Nobody at {place} would say what it was for. They showed me.",
        "Bound in {stuff}, and not for decoration.",
        "It chooses well. Ask the ones it did not choose.",
        "Three owners so far. It is fond of you already.",
    ),
    perks=(
        ("Oathbound", "Grows stronger for each promise its bearer keeps."),
        ("Second Wind", "At the edge of defeat, strength returns once."),
        ("Old Grudge", "Hits hardest whatever struck you last."),
        ("Quiet Hands", "Leaves no sound and no witness behind."),
        ("Borrowed Time", "A killing blow comes one heartbeat late, once a day."),
        ("Attunement", "Takes on the nature of the place where it was last at rest."),
    ),
)

# A member without classes cannot say what it drew: these fit any weapon, so that the text never belies the
# picture.
NEUTRAL_TYPES = (
    "Relic Weapon",
    "War Heirloom",
    "Oathbound Arm",
    "Duelling Arm",
    "Trophy Weapon",
    "Wanderer's Arm",
)

GENERAL_PERKS = (
    ("Lucky Star", "Once a day the dice fall as you would have them."),
    ("Hollow Hunger", "Strikes feed on the target's magic before its flesh."),
    ("Frostbound", "Critical hits slow all nearby for a moment."),
    ("Emberheart", "Warm in the hand; hotter with every foe."),
    ("Moonlit", "Stronger by night, and honest by day."),
    ("Stormtouched", "One hit in eight calls down a spark on the next foe."),
    ("Featherweight", "Weighs nothing on the road and everything in the fight."),
    ("Graveborne", "The fallen within ten paces point at your next target."),
    ("Sunsworn", "Burns what fears the light; lights the way for the rest."),
    ("Venomous Wit", "Poisons slowly. Apologises never."),
)

ADJECTIVES = split(
    "Ashen Hollow Gilded Sunken Crimson Pale Restless Verdant Broken Silent Bitter Radiant Wandering "
    "Starless Iron Last Drowned Burning Frozen Thirsty Moonlit Forsworn Honest Second Blind Patient "
    "Velvet Salted Rusted Thundering Amber Obsidian Weeping Laughing Nameless Borrowed Unbroken "
    "Cindered Hallowed Sable"
)
STEMS = split(
    "Frost Grim Ember Night Storm Dusk Bone Star Thorn Ash Moon Blood Salt Raven Wolf Gloom Sun Rime "
    "Mist Iron Dread Oath Dawn Stone Viper Cinder Gale Hollow Rust Sorrow Bramble Tide Crow Wyrm Amber "
    "Silver Shade Spite"
)
ABSTRACTS = split(
    "Mercy Dusk Ruin Silence Winter Sorrow Dawn Hunger Envy Memory Thunder Regret Embers Patience "
    "Morrow Wrath Grace Tides Ashes Stars Debt Kings Wolves Glass Salt Farewell Judgement Doubt"
)
PLACES = (
    "the Low Gate", "Harrowmere", "the Glass Coast", "Old Tamsin's Ford", "the Ninth Stair", "Emberfall",
    "Saltwick", "the Drowned Choir", "Winterhold Road", "the Quiet Keep", "Ravensreach",
    "the Orchard of Knives", "Dunmarrow", "the Lantern Market", "Cold Harbour", "the Weeping Bridge",
    "Ironroot", "the Last Hearth", "Pale Hollow",
)  # fmt: skip
STUFF = (
    "moth silk", "grave iron", "star glass", "whale ivory", "bog oak", "dragon sinew", "salt and ash",
    "river stone", "widow's silver", "raven feather", "lightning-struck elm", "sea amber", "cold brass",
    "meteor steel", "old vows",
)  # fmt: skip
GENERAL_SAYINGS = (
    "Carried out of {place} by someone who did not look back.",
    "They say it weeps at {place}. They are wrong; it laughs.",
    "{speaker} traded a kingdom for it, and thought the price fair.",
    "Found beneath {place}, wrapped in {stuff}.",
    "It has been to {place} twice, and come home once.",
    "Whoever carries it dreams of {place}.",
    "{speaker} gave it a name. It did not ask for one.",
    "Quenched in the well at {place}; the water has tasted of {stuff} since.",
    "Promise it nothing. It remembers {place}.",
)
QUOTES = (
    "I was not afraid until I put it down.",
    "It is not heavy. What it has done is heavy.",
    "Every scar on it is a question somebody answered wrongly.",
    "Take it. I have nothing left that needs killing.",
    "You do not wield it so much as agree with it.",
    "It was the first thing I made that looked back.",
    "When they sing of the battle they leave this verse out.",
    "Buried it twice. It walks better than I do.",
    "There was a second one. Now there is not.",
    "Ask me again when the moon is down.",
    "It never once let me win easily, and never let me lose.",
    "I asked the smith what it would cost. She only laughed.",
)
ONSETS = split("b br c cr d dr f fr g gl gr h k kr l m n p r s sk st sv t th thr tr v val vor w z")
VOWELS = split("a e i o u ae ei ia o a e")
CODAS = split("l n r s th rn ld nd rk st m v x ss lm rr d g k")
ENDINGS = split("is us ar en or eth ane une yr ith amar ovar elle iel ond ask wen rick mund a o")
TITLES = split("Captain Mother Brother Saint Widow Marshal Old Doctor Lady Ser Warden Abbess")
