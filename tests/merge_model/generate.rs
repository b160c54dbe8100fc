//! Random cases. The names are few, so that they meet often; every kind of oddity comes up.

use crate::case::{Case, Flow, Options, Policy};

/// A small generator of random numbers (SplitMix64), so that a case's number names it for ever.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// True in so many of a hundred cases.
    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

const LOCALS: &[&str] = &[
    "jane", "jane", "j.doe", "jdoe", "jane+tag", "info", "i", "a", "b", "c", "d", "o'neil", "x_y", "a.b",
    "ab",
];

/// Local parts that only a current list has.
const ODD_LOCALS: &[&str] = &["İ", "ı", "\u{212A}", "jané", "STRASSE", "straße"];

const DOMAINS: &[&str] = &[
    "contoso.com",
    "contoso.com",
    "contoso.com",
    "eu.contoso.com",
    "deep.eu.contoso.com",
    "notcontoso.com",
    "fabrikam.com",
    "fabrikam.com",
    "contoso.onmicrosoft.com",
    "contoso.onmicrosoft.com",
    "contoso.mail.onmicrosoft.com",
    "contoso.mail.onmicrosoft.com",
    "notonmicrosoft.com",
    "xn--bcher-kva.example",
    "xn--mnchen-3ya.de",
    "xn--e1afmkfd.xn--80akhbyknj4f",
    "xn--r8jz45g.xn--zckzah",
];

const UNICODE_DOMAINS: &[&str] =
    &["bücher.example", "BÜCHER.example", "Bücher.EXAMPLE", "münchen.de", "пример.испытание", "例え.テスト"];

const EXCLUDED: &[&str] = &[
    "contoso.com",
    "@contoso.com",
    ".contoso.com",
    "*.contoso.com",
    "onmicrosoft.com",
    "contoso.mail.onmicrosoft.com",
    "@contoso.onmicrosoft.com",
    " Fabrikam.COM. ",
    "@FABRIKAM.com.",
    "fabrikam.com",
    "bücher.example",
    "xn--bcher-kva.example",
    "@münchen.de",
    ".example",
    "com",
    "eu.contoso.com",
];

const OTHERS: &[&str] = &[
    "X500:/o=Contoso/ou=Exchange/cn=Recipients/cn=jane",
    "X500:/o=contoso/ou=exchange/cn=recipients/cn=JANE",
    "x500:/o=Contoso/ou=Exchange/cn=Recipients/cn=jane",
    "x500:/o=Old/cn=a:b",
    "X.500:/o=Dot/cn=jane",
    "X400:c=us;a= ;p=Contoso;o=Exchange;s=Doe;g=Jane;",
    "x400:c=us;a= ;p=Contoso;o=Exchange;s=Doe;g=Jane;",
    "SIP:jane@contoso.com",
    "sip:jane@contoso.com",
    "EUM:1001;phone-context=plan.contoso.com",
    "eum:1001;phone-context=plan.contoso.com",
    "SPO:SPO_1@SPO_2",
    "spo:SPO_1@SPO_2",
    "NOTES:Jane Doe/Contoso@Contoso",
    "GWISE:contoso.po.jane",
    "MSMail:NET/PO/JANE",
    "CCMAIL:Doe, Jane at PO",
    "ABCDEFGHIJKLMNOPQRST:twenty@contoso.com",
    "smtp2:jane@contoso.com",
    "X500:",
];

/// SMTP class by the letter of 2.2, and yet hardly addresses.
const STRANGE: &[&str] = &[
    "user@[IPv6:2001:db8::1]",
    "smtp:user@[IPv6:2001:db8::1]",
    "smtp:garbage",
    "ABCDEFGHIJKLMNOPQRSTU:one.too.many@contoso.com",
    "/o=Contoso/cn=Recipients:jane",
    "c=us;a= ;p=Contoso:x",
    "MS MAIL:NET/PO/JANE",
    "smtp:",
    "plain",
];

const BAD: &[&str] = &[
    "jane",
    "jane@",
    "@contoso.com",
    "ja ne@contoso.com",
    "jané@contoso.com",
    "jane@bücher.example",
    "jane@例え.テスト",
    ".jane@contoso.com",
    "jane.@contoso.com",
    "ja..ne@contoso.com",
    "jane@contoso..com",
    "jane@-contoso.com",
    "jane@contoso-.com",
    "jane@con toso.com",
    "jane@@contoso.com",
    "ja(ne@contoso.com",
    "smtp:",
    "SMTP:",
    "jane@contoso.com,john@contoso.com",
    "user@[IPv6:2001:db8::1]",
    "\"jane doe\"@contoso.com",
    "jane@contoso.com.",
    "jane@localhost",
];

/// The case of this number.
pub fn case(random: &mut Random) -> Case {
    let current = current(random);
    let flow = flow(random, &current);
    let options = options(random);
    let routing = random.percent(30).then(|| routing(random, &current));
    let accepted = random.percent(15).then(|| accepted(random));
    let taken = if random.percent(10) { taken(random, &flow) } else { vec![] };
    let policy = Policy {
        on: [None, Some(false), Some(true), Some(true)][random.below(4)],
        disable: random.percent(50),
        column: [None, None, Some(false), Some(true)][random.below(4)],
    };
    Case { current, flow, options, routing, cloud: random.percent(40), accepted, taken, policy }
}

/// An address, and whether it is an odd one.
fn address(random: &mut Random, odd: bool) -> String {
    let local = if odd && random.percent(5) { random.of(ODD_LOCALS) } else { random.of(LOCALS) };
    let domain = if odd && random.percent(8) { random.of(UNICODE_DOMAINS) } else { random.of(DOMAINS) };
    let dot = if odd && random.percent(2) { "." } else { "" };
    recase(random, &format!("{local}@{domain}{dot}"))
}

/// The address as it is, or with other casing.
fn recase(random: &mut Random, address: &str) -> String {
    match random.below(8) {
        0 => address.to_ascii_uppercase(),
        1 => address.chars().map(|c| if random.percent(50) { c.to_ascii_uppercase() } else { c }).collect(),
        2 => address.to_ascii_lowercase(),
        _ => address.to_owned(),
    }
}

/// What others hold: mostly what the flow wants.
fn taken(random: &mut Random, flow: &Flow) -> Vec<String> {
    let wanted = match flow {
        Flow::List(list) | Flow::Delta { add: list, .. } => list.clone(),
        Flow::Absent | Flow::Clear => vec![],
    };
    let wanted: Vec<String> =
        wanted.into_iter().filter(|value| value.contains('@') && value.is_ascii()).collect();
    if wanted.is_empty() || random.percent(30) {
        return vec![address(random, false)];
    }
    let one = crate::text::bare(wanted[random.below(wanted.len())].trim());
    vec![recase(random, &one)]
}

fn current(random: &mut Random) -> Vec<String> {
    let mut list: Vec<String> = vec![];
    let mut keys: Vec<String> = vec![];
    let broken = random.percent(6);
    for _ in 0..random.below(7) {
        let address = address(random, true);
        let key = crate::text::key(&address);
        // Exchange holds no address twice; now and then a broken object does.
        if keys.contains(&key) && !broken {
            continue;
        }
        keys.push(key);
        let prefix = match random.below(20) {
            0 => "Smtp:",
            1 => "sMTP:",
            2 if broken => "",
            3 if broken => "SMTP:",
            _ => "smtp:",
        };
        list.push(format!("{prefix}{address}"));
    }
    if random.percent(94)
        && let Some(first) = list.first_mut()
    {
        *first = format!("SMTP:{}", crate::text::bare(first));
    }
    for _ in 0..[0, 0, 1, 2, 4][random.below(5)] {
        let other = random.of(OTHERS).to_owned();
        if !list.contains(&other) || random.percent(5) {
            list.push(other);
        }
    }
    if random.percent(2) {
        list.push(random.of(STRANGE).to_owned());
    }
    if random.percent(1) {
        let many = 190 + random.below(15);
        list.extend((0..many).map(|number| format!("smtp:many{number}@fabrikam.com")));
    }
    if random.percent(1) {
        list.push(long(random));
    }
    random.shuffle(&mut list);
    list
}

/// As long as the directory takes, give or take one.
fn long(random: &mut Random) -> String {
    format!("X500:/o={}", "a".repeat(1123 - "X500:/o=".len() + random.below(3) - 1))
}

fn flow(random: &mut Random, current: &[String]) -> Flow {
    match random.below(40) {
        0 => Flow::Absent,
        1 => Flow::Clear,
        2 => Flow::List(vec![]),
        3 => Flow::List(["", " ", "\t"][..random.below(4)].iter().map(|&blank| blank.to_owned()).collect()),
        4..=8 => {
            let add = if random.percent(80) { entries(random, current, 3, 2) } else { vec![] };
            let remove = if random.percent(80) { entries(random, current, 3, 2) } else { vec![] };
            Flow::Delta { add, remove }
        }
        _ => {
            let marked = [0, 0, 0, 6, 20, 50][random.below(6)];
            Flow::List(entries(random, current, 6, marked))
        }
    }
}

/// Entries of a flow: what is there, what is new, duplicates, prefixes, blanks, now and then something wrong.
fn entries(random: &mut Random, current: &[String], end: usize, marked: usize) -> Vec<String> {
    let mut list: Vec<String> = vec![];
    for _ in 0..=random.below(end) {
        let held: Vec<&String> = current
            .iter()
            .filter(|value| crate::text::is_smtp(value) && value.is_ascii() && value.contains('@'))
            .collect();
        let address = if !held.is_empty() && random.percent(55) {
            let held = crate::text::bare(held[random.below(held.len())]);
            recase(random, &held)
        } else {
            address(random, false)
        };
        let prefix = match random.below(100) {
            at if at < marked => "SMTP:",
            at if at < marked + 15 => "smtp:",
            at if at < marked + 18 => "Smtp:",
            _ => "",
        };
        let pad = if random.percent(4) { " " } else { "" };
        list.push(format!("{pad}{prefix}{address}{pad}"));
    }
    if !list.is_empty() && random.percent(15) {
        let twin = list[random.below(list.len())].clone();
        let twin = recase(random, crate::text::bare(twin.trim()).as_str());
        list.push(twin);
    }
    if random.percent(4) {
        list.push([String::new(), " ".to_owned()][random.below(2)].clone());
    }
    if random.percent(4) {
        list.push(random.of(BAD).to_owned());
    }
    if random.percent(6) {
        let other = if random.percent(5) { long(random) } else { random.of(OTHERS).to_owned() };
        list.push(other);
    }
    if random.percent(1) {
        let many = 190 + random.below(15);
        list.extend((0..many).map(|number| format!("many{number}@fabrikam.com")));
    }
    random.shuffle(&mut list);
    list
}

fn options(random: &mut Random) -> Options {
    let mut excluded: Vec<String> =
        (0..[0, 1, 1, 2, 3][random.below(5)]).map(|_| random.of(EXCLUDED).to_owned()).collect();
    if random.percent(1) {
        excluded.push(["", "  "][random.below(2)].to_owned());
    }
    let types = ["X500", "x400", "SIP", "spo", "X.500"];
    let managed_types = types.iter().filter(|_| random.percent(12)).map(|&kind| kind.to_owned()).collect();
    Options {
        excluded,
        literal: random.percent(20),
        keep_primary: random.percent(50),
        primary_last: random.percent(25),
        promote: random.percent(40),
        drop_excluded: random.percent(40),
        keep_old_primary: random.percent(20),
        protect_moera: random.percent(75),
        force_case: random.percent(25),
        managed_types,
        max_removed: [None, None, None, Some(0), Some(1), Some(2), Some(10)][random.below(7)],
    }
}

/// An address that is there or one of its kind, with or without prefix.
fn routing(random: &mut Random, current: &[String]) -> String {
    let held: Vec<&String> =
        current.iter().filter(|value| crate::text::is_smtp(value) && value.contains('@')).collect();
    let address = if !held.is_empty() && random.percent(70) {
        crate::text::bare(held[random.below(held.len())])
    } else {
        format!("{}@contoso.mail.onmicrosoft.com", random.of(LOCALS))
    };
    let prefix = random.of(&["", "smtp:", "SMTP:"]);
    format!("{prefix}{}", recase(random, &address))
}

fn accepted(random: &mut Random) -> Vec<String> {
    let names = [
        "contoso.com",
        "*.contoso.com",
        "fabrikam.com",
        "Fabrikam.COM",
        "contoso.onmicrosoft.com",
        "contoso.mail.onmicrosoft.com",
        "xn--bcher-kva.example",
        "bücher.example",
        "notcontoso.com",
    ];
    let mut list: Vec<String> =
        names.iter().filter(|_| random.percent(60)).map(|&name| name.to_owned()).collect();
    if random.percent(5) {
        list.push("*".to_owned());
    }
    list
}
