// Words that the models learned with their slips, from what people typed, and words that these models cannot mind.

/** Right words, each with the slips of it that are in the vocabularies of the published models. */
const SLIPS = `
yellow ayellow bellow fellow tellow yeelow yeklow yelllow yello yelloe yelloow yelloww yellwo yelow
black ablack balck beack blac blak blck
blue ablue bleu
brown abrown borwn bown brwon rown
red ared rred
pink apink oink pikn
purple ourple pruple puirple puple purle purlple purpl purpley urple
white awhite ehite hwite shite whie whiet whit whith whiyte whoite whte whtie wite
green geen ggreen ghreen grean greeen gren reen
grey gret
gray greay
orange orag orage oragne oraneg orang prange
burgundy burgandy
lavender lavendar
beak beek
bill ibll
belly bally bellt bellty bellyl bellyq bely nelly
breast beast brease breaste brest breat
bird birs brid bord lbird
back bakc nack
head ehad
cheek cheeck
eyebrow eyebro
feathers featehrs fethers freathers
coverts covarts covets converts
wings wigs wngs
throat thoat thorat
tarsus larsus tartus tarus
secondaries secondairies
plumage plummage
flower floer flowe flowerw flowr flowwer flwoer fower
flowers flowes flowrs
petal peal pedal peta
petals etals oetals peals pedals pedtals petakls petalas petalsa petels petlas petls peyals ptals
center canter cener cetner cneter
stamen samen staen staman stame stamena stamenb stament stamin stammen stamn stamne statmen stema stemen stmen tamen
stamens stamins stamnes staymens tamens
pistil pestil pisil pisitil pisitl pistal pistel pistila pistill pistol
pistils pistals pistels pistols
stigma sigma stgma stigam stigima stigm
sepal sepel
sepals epals seapls spals
anther anthes anters anthetrs nthers
filaments filiments fillaments flaments
pollen polen
large lage lagge larg largr lrge
long lone
small mall smal smalll
light bight ligh
bright birght nright
curved cuved
round roundd roubnded
rounded roudned ropunded rpunded
shaped shaoed shapd shapped shped shpaed
speckled speckeld speckeled specked
spotted spoted
pointed poitned
striped stiped
layered layerd
overlapping overlaping
trumpet trumpit
edges edhes egdes
colored collor colord colroed colr
color clor collor colr olor
inner iner
outer oputer ourter outr
many amny mane
very veryt
with iwth whith wiht wiith withe woith wtih witha
this thisf thsi thus
that taht thata
the thje thee
has hasa hgas
`;

const RIGHT = new Map(SLIPS.trim().split("\n").flatMap((line) => {
  const [right, ...slips] = line.split(" ");
  return slips.map((slip) => [slip, right]);
}));

/** The word that this one, though the model knows it, is most likely a slip of; null where there is none in the vocabulary (a Set). */
export function meant(word, vocabulary) {
  const right = RIGHT.get(word);
  return right && vocabulary.has(right) ? right : null;
}

const NEGATIONS = ["not", "no", "without", "never", "except", "instead"];
const NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "2", "3", "4", "5", "6"];

/** One sentence on words that the models have heard and cannot follow, or "". */
export function honestly(words) {
  const denied = words.find((word) => NEGATIONS.includes(word));
  if (denied) return `“${denied}” takes nothing away: the words after it are drawn all the same. Say what should be there instead.`;
  const number = words.find((word) => NUMBERS.includes(word));
  return number ? `The models do not count: “${number}” changes the picture, but not to that number of things.` : "";
}
