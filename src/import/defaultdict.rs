//! Pickles with Python's `defaultdict`, as counting words leaves them: the reader of pickles knows a plain dict alone.

/// A pickle in which each `collections.defaultdict(factory)` is an empty `OrderedDict([])`, whose items follow as they did; none for one without.
///
/// What a pickle does is changed at two places: the class that is called, and its argument, a class of what an entry begins with, which is of
/// no use here. Bytes that are no pickle are returned as far as they can be one; the reader says what is wrong with them.
pub(super) fn without_defaultdicts(pickle: &[u8]) -> Option<Vec<u8>> {
    if !pickle.windows(11).any(|window| window == b"defaultdict") {
        return None;
    }
    let mut rewriter = Rewriter { output: Vec::with_capacity(pickle.len()), ..Rewriter::default() };
    let mut rest = pickle;
    while !rest.is_empty() {
        let Some(length) = length(rest) else { break };
        let (op, after) = rest.split_at(length);
        rewriter.copy(op);
        rest = after;
    }
    rewriter.output.extend(rest);
    Some(rewriter.output)
}

/// What was pushed last, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
enum Pushed {
    Text(Vec<u8>),
    DefaultDict,
    Other,
}

#[derive(Default)]
struct Rewriter {
    output: Vec<u8>,
    /// The last two values.
    last: [Option<Pushed>; 2],
    memo: std::collections::HashMap<u32, Pushed>,
    /// Values that were numbered in the order they came in (`MEMOIZE`).
    memoized: u32,
    /// The class was pushed, and its arguments are not complete yet.
    in_call: bool,
}

impl Rewriter {
    fn push(&mut self, value: Pushed) {
        self.last = [self.last[1].take(), Some(value)];
    }

    fn class(&mut self, is_defaultdict: bool, op: &[u8], drop: &[u8]) {
        if is_defaultdict {
            self.output.extend(drop);
            self.output.extend(b"ccollections\nOrderedDict\n");
            self.push(Pushed::DefaultDict);
            self.in_call = true;
        } else if self.in_call {
            self.output.extend(drop);
            self.output.push(b']');
            self.push(Pushed::Other);
        } else {
            self.output.extend(op);
            self.push(Pushed::Other);
        }
    }

    /// Copies an operation, or what stands for it.
    fn copy(&mut self, op: &[u8]) {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let digits = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX);
        match (op[0], &op[1..]) {
            // GLOBAL: module and name, a line each.
            (b'c', names) => self.class(names == b"collections\ndefaultdict\n", op, b""),
            // STACK_GLOBAL: module and name are the last two values, which are taken away (POP) where the class is another.
            (0x93, _) => {
                let text = |value: &Option<Pushed>, text: &[u8]| value.as_ref() == Some(&Pushed::Text(text.to_vec()));
                let found = text(&self.last[0], b"collections") && text(&self.last[1], b"defaultdict");
                self.class(found, op, b"00");
            }
            (0x8c, text) => self.keep(op, Pushed::Text(text[1..].to_vec())),
            (b'X', text) => self.keep(op, Pushed::Text(text[4..].to_vec())),
            // GET, BINGET, LONG_BINGET.
            (b'g', line) => self.get(op, digits(line)),
            (b'h' | b'j', index) => self.get(op, number(index)),
            // PUT, BINPUT, LONG_BINPUT, MEMOIZE.
            (b'p', line) => self.put(op, digits(line)),
            (b'q' | b'r', index) => self.put(op, number(index)),
            (0x94, _) => {
                self.put(op, self.memoized);
                self.memoized += 1;
            }
            // None, which is the same as no factory.
            (b'N', _) if self.in_call => {
                self.output.push(b']');
                self.push(Pushed::Other);
            }
            // TUPLE, TUPLE1, EMPTY_TUPLE: the arguments are complete.
            (b't' | 0x85 | b')', _) => {
                self.keep(op, Pushed::Other);
                self.in_call = false;
            }
            // FRAME pushes nothing.
            (0x95, _) => self.output.extend(op),
            _ => self.keep(op, Pushed::Other),
        }
    }

    fn keep(&mut self, op: &[u8], value: Pushed) {
        self.output.extend(op);
        self.push(value);
    }

    fn put(&mut self, op: &[u8], index: u32) {
        self.output.extend(op);
        self.memo.insert(index, self.last[1].clone().unwrap_or(Pushed::Other));
    }

    fn get(&mut self, op: &[u8], index: u32) {
        match self.memo.get(&index).cloned() {
            Some(Pushed::DefaultDict) => {
                self.keep(op, Pushed::DefaultDict);
                self.in_call = true;
            }
            // Names of a class that follows; any other value is the factory.
            Some(Pushed::Text(text)) => self.keep(op, Pushed::Text(text)),
            _ if self.in_call => {
                self.output.push(b']');
                self.push(Pushed::Other);
            }
            _ => self.keep(op, Pushed::Other),
        }
    }
}

/// How long the operation at the start is, with its argument (Python's `pickletools`); none where that cannot be told.
fn length(bytes: &[u8]) -> Option<usize> {
    let line = |from: usize| bytes[from.min(bytes.len())..].iter().position(|byte| *byte == b'\n').map(|end| from + end + 1);
    let counted = |width: usize| {
        let count = bytes.get(1..1 + width)?.iter().rev().try_fold(0usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?;
        (1 + width).checked_add(count)
    };
    let length = match bytes.first()? {
        b'c' | b'i' => line(line(1)?)?,
        b'F' | b'I' | b'L' | b'S' | b'V' | b'P' | b'g' | b'p' => line(1)?,
        b'K' | b'h' | b'q' | 0x80 | 0x82 => 2,
        b'M' | 0x83 => 3,
        b'J' | b'j' | b'r' | 0x84 => 5,
        b'G' | 0x95 => 9,
        b'U' | b'C' | 0x8a | 0x8c => counted(1)?,
        b'T' | b'X' | b'B' | 0x8b => counted(4)?,
        0x8d | 0x8e | 0x96 => counted(8)?,
        _ => 1,
    };
    (length <= bytes.len()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_become_those_of_ordered_dicts() {
        // pickle.dumps(defaultdict(int, {'a': 1}), protocol=2)
        let plain = b"\x80\x02ccollections\ndefaultdict\nq\x00c__builtin__\nint\nq\x01\x85q\x02Rq\x03X\x01\0\0\0aq\x04K\x01s.";
        let expected = b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01\x85q\x02Rq\x03X\x01\0\0\0aq\x04K\x01s.";
        assert_eq!(without_defaultdicts(plain).unwrap(), expected);
        // The same by protocol 4, with its frame, and once more by the memo.
        let new = b"\x80\x04\x95\x35\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bdefaultdict\x94\x93\x94\x8c\x08builtins\x94\x8c\x03int\x94\x93\x94\x85\x94R\x94h\x02h\x05\x85R.";
        let expected = b"\x80\x04\x95\x35\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bdefaultdict\x9400ccollections\nOrderedDict\n\x94\x8c\x08builtins\x94\x8c\x03int\x9400]\x94\x85\x94R\x94h\x02]\x85R.";
        assert_eq!(without_defaultdicts(new).unwrap(), expected);
        // A frame may begin between the two names.
        let framed = b"\x80\x04\x8c\x0bcollections\x94\x95\x0e\0\0\0\0\0\0\0\x8c\x0bdefaultdict\x94\x93\x94)R.";
        assert_ne!(without_defaultdicts(framed), None);
        // In the first protocol, and without a factory.
        let oldest = b"ccollections\ndefaultdict\np0\n(c__builtin__\nlist\np1\ntp2\nRp3\n.";
        assert_eq!(without_defaultdicts(oldest).unwrap(), b"ccollections\nOrderedDict\np0\n(]p1\ntp2\nRp3\n.");
        let empty = b"\x80\x02ccollections\ndefaultdict\n)R.";
        assert_eq!(without_defaultdicts(empty).unwrap(), b"\x80\x02ccollections\nOrderedDict\n)R.");
        assert_eq!(without_defaultdicts(b"\x80\x02}."), None);
    }

    #[test]
    fn cut_and_foreign_bytes_are_survived() {
        let whole = b"\x80\x02ccollections\ndefaultdict\nq\x00c__builtin__\nint\nq\x01\x85q\x02Rq\x03X\x01\0\0\0aq\x04K\x01s.";
        for end in 0..whole.len() {
            let _ = without_defaultdicts(&whole[..end]);
        }
        for op in 0..=255u8 {
            let bytes = [&[op][..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xffdefaultdict"].concat();
            let _ = without_defaultdicts(&bytes);
        }
    }
}
