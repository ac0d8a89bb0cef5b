//! PyTorch files become model folders, and hostile ones become errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::tensor::{Device, Tensor, TensorData};
use mirrorgan::encoder::InceptionVariant;
use mirrorgan::glam::Architecture;
use mirrorgan::import::{self, Checkpoint};
use mirrorgan::model::{Dtype, read_folder, tensors};
use mirrorgan::stem::TextBatch;
use mirrorgan::watch::{Event, Watcher};
use mirrorgan::{Error, Result};
use safetensors::SafeTensors;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The `state.` tensors of a fixture by PyTorch's key.
fn reference(name: &str) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let bytes = fs::read(fixture(name)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .filter_map(|(key, view)| {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            Some((key.strip_prefix("state.")?.to_string(), view.shape().to_vec(), values))
        })
        .collect()
}

/// All values of a module, each tensor's sorted and the tensors sorted: names and layouts aside, what was imported.
fn multiset(tensors: impl Iterator<Item = Vec<f32>>) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = tensors
        .map(|values| {
            let mut bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
            bits.sort_unstable();
            bits
        })
        .collect();
    all.sort();
    all
}

fn values_of<M: burn::module::Module>(module: &M) -> impl Iterator<Item = Vec<f32>> {
    let bytes = tensors::save(module, Dtype::F32).unwrap();
    tensors::parse(&bytes, "module").unwrap().into_values().map(|data| data.try_to_vec().unwrap())
}

#[test]
fn every_value_of_the_text_encoder_arrives() {
    let (config, encoder) = import::text_encoder(&fixture("text_encoder.pth"), 12).unwrap();
    assert_eq!((config.vocabulary, config.embedding, config.features), (60, 20, 32));
    let expected = multiset(reference("stem.safetensors").into_iter().map(|(_, _, values)| values));
    assert_eq!(multiset(values_of(&encoder)), expected);
}

#[test]
fn every_value_of_the_generator_arrives_from_either_container() {
    let expected = multiset(reference("generator.safetensors").into_iter().map(|(_, _, values)| values));
    for name in ["netG.pth", "netG_legacy.pth"] {
        let (config, generator) = import::generator(&fixture(name), Architecture::MirrorGan).unwrap();
        assert_eq!((config.gf_dim, config.z_dim, config.condition_dim, config.features), (4, 16, 100, 32));
        assert_eq!((config.residual_blocks, config.stages), (2, 3));
        assert_eq!(multiset(values_of(&generator)), expected, "{name}");
    }
}

fn floats(bytes: &[u8], key: &str) -> TensorData {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let view = file.tensor(key).unwrap();
    let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    TensorData::new(values, view.shape().to_vec())
}

/// Which value stands where is told by the outputs.
#[test]
fn imported_networks_have_the_reference_outputs() {
    let device = Device::flex();
    let close = |what: &str, found: &[f32], expected: &[f32]| {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{what}: {found} and {expected}");
        }
    };
    let values = |data: TensorData| data.try_to_vec::<f32>().unwrap();

    let stem = fs::read(fixture("stem.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&stem).unwrap();
    let integers = |key: &str| -> Vec<usize> {
        file.tensor(key).unwrap().data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as usize).collect()
    };
    let lengths = integers("lengths");
    let captions: Vec<Vec<usize>> = integers("captions").chunks(12).zip(lengths).map(|(row, n)| row[..n].to_vec()).collect();
    let (_, encoder) = import::text_encoder(&fixture("text_encoder.pth"), 12).unwrap();
    let text = encoder.forward(&TextBatch::new(&captions, &device));
    close("words", &values(text.words.into_data()), &values(floats(&stem, "words")));
    close("sentence", &values(text.sentence.into_data()), &values(floats(&stem, "sentence")));

    let glam = fs::read(fixture("generator.safetensors")).unwrap();
    let tensor = |key: &str| Tensor::<2>::from_data(floats(&glam, key), &device);
    let padding = SafeTensors::deserialize(&glam).unwrap().tensor("mask").unwrap().data().to_vec();
    let mask: Vec<f32> = padding.iter().map(|padding| 1.0 - f32::from(*padding)).collect();
    let text = mirrorgan::stem::TextFeatures {
        words: Tensor::from_data(floats(&glam, "words"), &device),
        sentence: tensor("sentence"),
        mask: Tensor::from_data(TensorData::new(mask, [3, 12]), &device),
    };
    for name in ["netG.pth", "netG_legacy.pth"] {
        let (_, generator) = import::generator(&fixture(name), Architecture::MirrorGan).unwrap();
        let generated = generator.forward(&text, tensor("noise"), tensor("eps"));
        let image = values(generated.images[2].clone().into_data());
        let every4: Vec<f32> = (0..image.len()).filter(|i| i / 256 % 4 == 0 && i % 4 == 0).map(|i| image[i]).collect();
        close(name, &every4, &values(floats(&glam, "eval.image2.every4")));
    }
}

/// Opcodes of a pickle, protocol 2.
mod pickle {
    /// A pickle of `body`.
    pub fn of(body: &[Vec<u8>]) -> Vec<u8> {
        [vec![0x80, 2], body.concat(), b".".to_vec()].concat()
    }

    pub fn text(text: &str) -> Vec<u8> {
        [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
    }

    pub fn number(number: i32) -> Vec<u8> {
        [b"J".as_slice(), &number.to_le_bytes()].concat()
    }

    pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
        [b"](".to_vec(), items.concat(), b"e".to_vec()].concat()
    }

    pub fn dict(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()].concat()).collect();
        [b"}(".to_vec(), pairs, b"u".to_vec()].concat()
    }

    /// `collections.defaultdict(int, …)` of these pairs.
    pub fn defaultdict(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()].concat()).collect();
        [call("collections", "defaultdict", &[b"cbuiltins\nint\n".to_vec()]), b"(".to_vec(), pairs, b"u".to_vec()].concat()
    }

    /// `module.name(*arguments)`: what a hostile file would have Python do.
    pub fn call(module: &str, name: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
        [format!("c{module}\n{name}\n(").into_bytes(), arguments.concat(), b"tR".to_vec()].concat()
    }
}

/// AttnGAN's list: train captions, test captions, words by number, numbers by word.
fn captions_pickle(words: &[&str]) -> Vec<u8> {
    let by_number: Vec<_> = words.iter().enumerate().map(|(i, word)| (pickle::number(i as i32), pickle::text(word))).collect();
    let by_word: Vec<_> = words.iter().enumerate().map(|(i, word)| (pickle::text(word), pickle::number(i as i32))).collect();
    let captions = pickle::list(&[pickle::list(&[pickle::number(1)])]);
    pickle::of(&[pickle::list(&[captions.clone(), captions, pickle::dict(&by_number), pickle::dict(&by_word)])])
}

#[test]
fn captions_pickle_becomes_a_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("captions.pickle");
    let read = |words: &[&str]| {
        fs::write(&path, captions_pickle(words)).unwrap();
        import::captions(&path)
    };
    assert_eq!(read(&["<end>", "pink", "bird"]).unwrap().words(), ["<end>", "pink", "bird"]);
    for (words, says) in [
        (vec!["pink", "bird"], "line 1 is"),
        (vec!["<end>", "two\nlines"], "expected a word"),
        (vec!["<end>", "red", "red"], "lines 2 and 3"),
    ] {
        let error = read(&words).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(says), "{error}");
    }
}

#[test]
fn words_that_were_counted_in_a_defaultdict_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("captions.pickle");
    let words = ["<end>", "pink", "bird"];
    let by_number: Vec<_> = words.iter().enumerate().map(|(i, word)| (pickle::number(i as i32), pickle::text(word))).collect();
    let captions = pickle::list(&[pickle::list(&[pickle::number(2), pickle::number(1)])]);
    let parts = [captions.clone(), captions, pickle::defaultdict(&by_number), pickle::defaultdict(&[])];
    fs::write(&path, pickle::of(&[pickle::list(&parts)])).unwrap();
    assert_eq!(import::captions(&path).unwrap().words(), words);
    assert_eq!(import::sentences(&path).unwrap()[0], ["bird pink"]);
}

/// The parts of `text_encoder.pth`, a file of several pickles: what stands before the dict of tensors, the dict's operations, and what follows.
fn pieces() -> [Vec<u8>; 3] {
    let bytes = fs::read(fixture("text_encoder.pth")).unwrap();
    let ends: Vec<usize> = bytes.windows(3).enumerate().filter(|(_, window)| *window == b".\x80\x02").map(|(at, _)| at).take(4).collect();
    [bytes[..=ends[2]].to_vec(), bytes[ends[2] + 3..ends[3]].to_vec(), bytes[ends[3]..].to_vec()]
}

/// The text encoder saved as `dict` makes a dict of its tensors' dict, whose directions are swapped in the second.
fn saved_as(dict: impl Fn(Vec<u8>, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let [before, tensors, after] = pieces();
    let [forward, backward] = ["rnn.weight_ih_l0", "rnn.weight_ih_l0_reverse"].map(pickle::text);
    let replace = |bytes: Vec<u8>, from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let swapped = replace(replace(replace(tensors.clone(), &backward, b"?"), &forward, &backward), b"?", &forward);
    [before, vec![0x80, 2], dict(tensors, swapped), after].concat()
}

/// Hears what stays.
#[derive(Debug, Default)]
struct Heard(std::sync::Mutex<String>);

impl Watcher for Heard {
    fn tell(&self, event: &Event<'_>) {
        if let Event::Result(text) = event {
            *self.0.lock().unwrap() += text;
        }
    }
}

/// What is read of a file, the same as the original or with swapped directions, and what is told.
fn read_part(bytes: &[u8], key: Option<&str>) -> Result<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.pth");
    fs::write(&path, bytes).unwrap();
    let heard = Heard::default();
    let (_, encoder) = import::text_encoder(Checkpoint { path: &path, key, watcher: &heard }, 12)?;
    let (_, original) = import::text_encoder(&fixture("text_encoder.pth"), 12)?;
    let weight = |encoder: &mirrorgan::stem::TextEncoder| {
        let bytes = tensors::save(encoder, Dtype::F32).unwrap();
        tensors::parse(&bytes, "encoder")
            .unwrap()
            .remove("forward.weight_ih_l0")
            .or(tensors::parse(&bytes, "").unwrap().remove("forward.weight_ih"))
    };
    let found = if weight(&encoder).unwrap() == weight(&original).unwrap() { "original" } else { "swapped" };
    Ok((found, heard.0.into_inner().unwrap()))
}

fn dict(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    pickle::dict(&pairs.iter().map(|(key, value)| (pickle::text(key), value.clone())).collect::<Vec<_>>())
}

#[test]
fn checkpoints_are_read_as_people_save_them() {
    let epoch = || ("epoch", pickle::number(3));
    let settings = || ("args", [b"cargparse\nNamespace\n)\x81".to_vec(), dict(&[("lr", pickle::number(1))]), b"b".to_vec()].concat());
    // The part that is there, however deep, beside what a training keeps.
    for (name, bytes) in [
        ("state_dict", saved_as(|state, _| dict(&[("state_dict", state), epoch(), settings()]))),
        ("model.text_encoder", saved_as(|state, _| dict(&[epoch(), ("model", dict(&[("text_encoder", state)]))]))),
    ] {
        let (found, told) = read_part(&bytes, None).unwrap();
        assert!(found == "original" && told.contains(&format!("the part {name} is read")), "{name}: {told}");
    }
    // An average of weights is preferred, and said to be; both share their weights.
    let both = saved_as(|state, swapped| dict(&[("model", state), ("model_ema", swapped), epoch()]));
    let (found, told) = read_part(&both, None).unwrap();
    assert!(found == "swapped" && told.contains("the part model_ema is read; model would fit, too"), "{told}");
    assert_eq!(read_part(&both, Some("model")).unwrap(), ("original", String::new()));
    assert_eq!(read_part(&both, Some("model_ema")).unwrap().0, "swapped");
    let error = read_part(&both, Some("netG")).unwrap_err().to_string();
    assert!(error.contains("no part \"netG\"") && error.contains("model, model_ema"), "{error}");
    // Neither is an average.
    let bytes = saved_as(|state, swapped| dict(&[("last", state), ("best", swapped)]));
    let error = read_part(&bytes, None).unwrap_err();
    assert!(matches!(&error, Error::SeveralParts { parts, .. } if *parts == ["best", "last"]), "{error}");
    assert_eq!(read_part(&bytes, Some("last")).unwrap().0, "original");
    // One network under two names.
    let bytes = saved_as(|state, _| dict(&[("a", state.clone()), ("b", state)]));
    assert_eq!(read_part(&bytes, None).unwrap().0, "original");
}

#[test]
fn names_of_wrappers_are_no_part_of_keys() {
    let [before, tensors, after] = pieces();
    for wrapper in ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."] {
        let mut wrapped = tensors.clone();
        for key in ["encoder.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"] {
            for key in [key.to_string(), format!("{key}_reverse")] {
                let (from, to) = (pickle::text(&key), pickle::text(&format!("{wrapper}{key}")));
                if let Some(at) = wrapped.windows(from.len()).position(|window| window == from) {
                    wrapped.splice(at..at + from.len(), to);
                }
            }
        }
        let bytes = [before.clone(), vec![0x80, 2], wrapped, after.clone()].concat();
        assert_eq!(read_part(&bytes, None).unwrap(), ("original", String::new()), "{wrapper}");
    }
}

#[test]
fn calls_beside_a_network_are_refused_all_the_same() {
    let bytes = saved_as(|state, _| dict(&[("model", state), ("epoch", pickle::call("os", "system", &[pickle::text("true")]))]));
    assert!(read_part(&bytes, None).unwrap_err().to_string().contains("os.system"));
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mirrorgan")).args(arguments).output().unwrap()
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_command_writes_a_folder_that_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let words: Vec<String> = (0..60).map(|i| if i == 0 { "<end>".into() } else { format!("word{i}") }).collect();
    let captions = folder.path().join("captions.pickle");
    fs::write(&captions, captions_pickle(&words.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    let out = folder.path().join("model");
    let [encoder, generator] = ["text_encoder.pth", "netG.pth"].map(fixture);
    let arguments = |command: &'static str, out: &Path| {
        let paths = [&encoder, &generator, &captions, &out.to_path_buf()].map(|path| path.display().to_string());
        let names = ["--text-encoder", "--generator", "--captions", "--out"];
        let pairs = names.iter().zip(paths).flat_map(|(name, path)| [name.to_string(), path]);
        ["import".to_string(), command.to_string()].into_iter().chain(pairs).collect::<Vec<_>>()
    };
    let call = |arguments: Vec<String>| run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let output = call(arguments("pytorch", &out));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let model = read_folder(&out, &Device::flex()).unwrap();
    assert_eq!(model.vocabulary.words(), words);
    assert_eq!(multiset(values_of(&model.generator)), multiset(reference("generator.safetensors").into_iter().map(|t| t.2)));

    let other = folder.path().join("other");
    let output = call([arguments("pytorch", &other), vec!["--key".into(), "netG_ema".into()]].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("netG.pth") && message.contains("no part \"netG_ema\""), "{message}");
    // The vocabulary of another training, as a list in Windows' UTF-16.
    let list = folder.path().join("other.TXT");
    let text = format!("\u{feff}<end>\r\n{}", words[1..50].join("\r\n"));
    fs::write(&list, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let with_list = arguments("pytorch", &other).into_iter().map(|argument| argument.replace(path_text(&captions), path_text(&list)));
    let output = call(with_list.collect());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in ["other.TXT", "50 words", "text_encoder.pth", "60"] {
        assert!(message.contains(part), "{message}");
    }
    let output = call(arguments("attngan", &other));
    assert!(!output.status.success() && !other.exists());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("netG.pth") && message.contains("MirrorGan") && message.contains("AttnGan"), "{message}");
}

/// Each reader of a pickle.
type Reader = (&'static str, fn(&Path) -> Result<()>);

fn readers() -> Vec<Reader> {
    vec![
        ("text encoder", |path| import::text_encoder(path, 18).map(|_| ())),
        ("generator", |path| import::generator(path, Architecture::MirrorGan).map(|_| ())),
        ("efficientnet-lite0", |path| import::efficientnet_lite(path, 1.0).map(|_| ())),
        ("inception-v3", |path| import::inception_v3(path, InceptionVariant::Torchvision, 1.0).map(|_| ())),
        ("resnet", |path| import::resnet(path, 1.0).map(|_| ())),
        ("captions", |path| import::captions(path).map(|_| ())),
    ]
}

#[test]
fn hostile_pickles_are_refused_by_name_and_run_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let system = |module| pickle::call(module, "system", &[pickle::text(&format!("touch {}", trace.display()))]);
    let open = pickle::call("io", "open", &[pickle::text(path_text(&trace)), pickle::text("w")]);
    let deep = [vec![b']'; 200_000], vec![b'a'; 199_999]].concat();
    // Each level holds the one below twice: 2^64 strings, if each were copied.
    let mut laughs = pickle::text("ha");
    for _ in 0..64 {
        laughs = [laughs, b"q\x01](h\x01h\x01e".to_vec()].concat();
    }
    let named = |value: Vec<u8>| pickle::of(&[pickle::dict(&[(pickle::text("encoder.weight"), value)])]);
    let truncated = |name: &str, bytes: usize| fs::read(fixture(name)).unwrap()[..bytes].to_vec();
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("os.system at the root", pickle::of(&[system("os")])),
        ("posix.system in a dict", named(system("posix"))),
        ("io.open in a list", pickle::of(&[pickle::list(&[open])])),
        ("eval", pickle::of(&[pickle::call("builtins", "eval", &[pickle::text("1+1")])])),
        ("unknown class", named(pickle::call("some.project", "Tensor", &[]))),
        ("deep nesting", pickle::of(&[deep])),
        ("billion laughs", pickle::of(&[laughs])),
        ("string of 4 GB", [vec![0x80, 2, b'X'], u32::MAX.to_le_bytes().to_vec()].concat()),
        ("bytes of 2^63", [vec![0x80, 4, 0x8e], (1u64 << 63).to_le_bytes().to_vec()].concat()),
        ("empty", Vec::new()),
        ("only text", b"hello".to_vec()),
        ("a list of numbers", pickle::of(&[pickle::list(&[pickle::number(1)])])),
        ("an empty dict", pickle::of(&[pickle::dict(&[])])),
        ("zip cut in the middle", truncated("netG.pth", 700_000)),
        ("legacy cut in the pickle", truncated("netG_legacy.pth", 1_000)),
        ("legacy cut in the weights", truncated("text_encoder.pth", 20_000)),
    ];
    for (attack, bytes) in attacks {
        let path = folder.path().join("hostile.pth");
        fs::write(&path, bytes).unwrap();
        for (reader, read) in readers() {
            match read(&path) {
                Err(Error::BadModel { file, .. }) => assert_eq!(file, path_text(&path), "{attack}"),
                other => panic!("{reader} read {attack}: {other:?}"),
            }
        }
        for kind in ["efficientnet-lite0", "inception-v3", "resnet", "captions"] {
            let out = folder.path().join("out");
            let output = run(&["import", kind, path_text(&path), "--out", path_text(&out)]);
            assert_eq!(output.status.code(), Some(1), "{attack}");
            assert!(String::from_utf8_lossy(&output.stderr).contains("hostile.pth"), "{attack}");
            assert!(!out.exists(), "{attack}");
        }
    }
    assert!(!trace.exists());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = Path::new("no/such/file.pth");
    for (reader, read) in readers() {
        assert!(matches!(read(path), Err(Error::Io { path: found, .. }) if found == path), "{reader}");
    }
}
