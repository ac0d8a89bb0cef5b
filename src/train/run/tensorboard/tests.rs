//! Reads event files with a reader that shares nothing with the writer: CRC bit by bit, protobuf field by field.

use super::*;

/// CRC-32C (Castagnoli), bit by bit.
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

fn masked(data: &[u8]) -> u32 {
    let crc = crc(data);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A field of a message: number and content.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Number(u64),
    Fixed64(f64),
    Fixed32(f32),
    Bytes(Vec<u8>),
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    }
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (head, tail) = bytes.split_at(count);
        *bytes = tail;
        head
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Fixed64(f64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let count = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, count).to_vec())
            }
            5 => Field::Fixed32(f32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, field));
    }
    found
}

fn get(fields: &[(u64, Field)], number: u64) -> Option<Field> {
    fields.iter().find(|(found, _)| *found == number).map(|(_, field)| field.clone())
}

fn message(fields: &[(u64, Field)], number: u64) -> Vec<(u64, Field)> {
    match get(fields, number) {
        Some(Field::Bytes(bytes)) => self::fields(&bytes),
        other => panic!("field {number} is {other:?}"),
    }
}

/// The events of all files of a folder, every CRC checked.
fn events(folder: &Path) -> Vec<Vec<(u64, Field)>> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let bytes = fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(u32::from_le_bytes(rest[8..12].try_into().unwrap()), masked(&rest[..8]));
            let data = &rest[12..12 + length];
            assert_eq!(u32::from_le_bytes(rest[12 + length..16 + length].try_into().unwrap()), masked(data));
            events.push(fields(data));
            rest = &rest[16 + length..];
        }
    }
    events
}

fn step(event: &[(u64, Field)]) -> u64 {
    match get(event, 2) {
        Some(Field::Number(step)) => step,
        _ => 0,
    }
}

#[test]
fn the_crc_is_castagnolis() {
    assert_eq!(crc(b"123456789"), 0xe306_9283);
    assert_eq!(masked_crc(b"123456789"), masked(b"123456789"));
}

#[test]
fn numbers_pictures_and_text_are_read_back() {
    let place = tempfile::tempdir().unwrap();
    let mut file = EventFile::open(place.path(), 0).unwrap();
    file.text(0, "recipe", "    seed = 1").unwrap();
    file.scalars(7, &[("loss".into(), 0.5), ("kl".into(), -2.0)]).unwrap();
    file.picture(300, "samples", (3, 2), &[1, 2, 3]).unwrap();
    let events = events(place.path());
    assert_eq!(events.len(), 4);
    assert_eq!(get(&events[0], 3), Some(Field::Bytes(b"brain.Event:2".to_vec())));
    assert!(matches!(get(&events[0], 1), Some(Field::Fixed64(time)) if time > 1.6e9));

    let value = message(&message(&events[1], 5), 1);
    assert_eq!(get(&value, 1), Some(Field::Bytes(b"recipe/text_summary".to_vec())));
    let tensor = message(&value, 8);
    assert_eq!(get(&tensor, 1), Some(Field::Number(7)));
    assert_eq!(get(&tensor, 8), Some(Field::Bytes(b"    seed = 1".to_vec())));
    assert_eq!(get(&message(&message(&value, 9), 1), 1), Some(Field::Bytes(b"text".to_vec())));

    assert_eq!(step(&events[2]), 7);
    let values: Vec<_> = message(&events[2], 5)
        .into_iter()
        .map(|(_, field)| match field {
            Field::Bytes(bytes) => (get(&fields(&bytes), 1).unwrap(), get(&fields(&bytes), 2).unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    let name = |name: &str| Field::Bytes(name.as_bytes().to_vec());
    assert_eq!(values, [(name("loss"), Field::Fixed32(0.5)), (name("kl"), Field::Fixed32(-2.0))]);

    assert_eq!(step(&events[3]), 300);
    let image = message(&message(&message(&events[3], 5), 1), 4);
    assert_eq!([1, 2, 3].map(|number| get(&image, number).unwrap()), [Field::Number(2), Field::Number(3), Field::Number(3)]);
    assert_eq!(get(&image, 4), Some(Field::Bytes(vec![1, 2, 3])));
}

#[test]
fn steps_that_were_lost_are_not_there_twice() {
    let place = tempfile::tempdir().unwrap();
    let mut file = EventFile::open(place.path(), 0).unwrap();
    for step in 1..=5 {
        file.scalars(step, &[("loss".into(), step as f64)]).unwrap();
    }
    // The process dies while it writes.
    file.file.write_all(&record(b"torn")[..10]).unwrap();
    let mut file = EventFile::open(place.path(), 3).unwrap();
    for step in 4..=6 {
        file.scalars(step, &[("loss".into(), step as f64)]).unwrap();
    }
    let steps: Vec<u64> = events(place.path()).iter().filter(|event| get(event, 5).is_some()).map(|event| step(event)).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6]);
}
