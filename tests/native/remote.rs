//! Devices of other processes: two servers on this machine compute what one device does, and every way in which they may not be there is told.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use mirrorgan::remote::{Address, RemoteError, connect};
use mirrorgan::train::{TrainContext, gan, stem, stream};

use crate::tiny::{context, log};

const PATIENCE: Duration = Duration::from_secs(120);
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v0.1.0/model");
const PROMPT: &str = "this flower has pink petals and a yellow center";

fn mirrorgan(arguments: &[&str], token: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorgan"));
    command.args(arguments).env_remove("MIRRORGAN_TOKEN").env_remove("RUST_LOG");
    if let Some(token) = token {
        command.env("MIRRORGAN_TOKEN", token);
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A process that serves the processor.
struct Served {
    child: Child,
    /// ws://HOST:PORT.
    address: String,
}

impl Served {
    fn begin(token: Option<&str>) -> Self {
        let arguments = ["serve", "--device", "cpu", "--listen", "127.0.0.1:0"];
        let mut child = mirrorgan(&arguments, token).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split([' ', ',']).find(|word| word.starts_with("ws://")).unwrap_or_else(|| panic!("{line:?}")).to_string();
        Self { child, address }
    }

    fn name(&self) -> String {
        format!("remote:{}", self.address)
    }

    fn device(&self) -> Device {
        connect(&self.address.parse().unwrap(), None, PATIENCE).unwrap()
    }

    /// Ends it in no orderly way.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// All losses of a generator's training on `devices`, step by step.
fn losses(context: &TrainContext, devices: &[Device]) -> Vec<(String, f64)> {
    let part = context.out.join("gan");
    if part.is_dir() {
        fs::remove_dir_all(&part).unwrap();
    }
    let mut shared = TrainContext { device: devices[0].clone(), devices: devices.to_vec(), ..context.clone() };
    shared.recipe.gan.devices = devices.len();
    gan::run(&shared).unwrap();
    let names = ["discriminator", "adversarial", "conditional", "stream", "damsm", "kl", "generator"];
    let values =
        |line: &serde_json::Value| names.map(|name| line[name].as_f64().map(|value| (format!("{name} of step {}", line["step"]), value)));
    log(&shared, "gan").iter().flat_map(values).flatten().collect()
}

#[test]
fn two_servers_and_one_device_have_the_same_losses() {
    let folder = tempfile::tempdir().unwrap();
    // Two steps: what the second one starts from is what the first one has moved. From then on the last bit of f32, which depends on the order of sums,
    // is made more and more of.
    let phases = "gan.phases=[{stages=1,pictures=8,batch=4,trains=\"all\"}]";
    let mild = [
        "gan.loss=cross_entropy",
        "gan.spectral_norm=false",
        "gan.condition_gain=1.0",
        // Adam's first step is as long for a gradient that is but the last bit of a sum as for any other: short ones magnify nothing.
        "gan.generator_lr=1e-5",
        "gan.discriminator_lr=1e-5",
        "gan.weights.reconstruction=0.0",
    ];
    let context = context(folder.path(), "run", &[&["stem.epochs=1", "stream.epochs=1", phases], &mild[..]].concat());
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    let [first, second] = [Served::begin(None), Served::begin(None)];
    let (here, there, elsewhere) = (Device::flex(), first.device(), second.device());
    let close = |what: &str, found: Vec<(String, f64)>, expected: &[(String, f64)]| {
        assert!(found.len() == expected.len() && found.len() >= 2 * 5, "{what}: {found:?}");
        for ((name, found), (_, expected)) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{what}, {name}: {found} {expected}");
        }
    };
    close("one server", losses(&context, std::slice::from_ref(&there)), &losses(&context, std::slice::from_ref(&here)));
    // Batch norms see halves, wherever these are.
    let halves = losses(&context, &[here.clone(), here.clone()]);
    close("a server beside this process", losses(&context, &[here, there.clone()]), &halves);
    close("two servers", losses(&context, &[there, elsewhere]), &halves);
}

/// Waits until the log of the generator has so many lines.
fn wait_for_steps(run: &Path, steps: usize, child: &mut Child) {
    let start = Instant::now();
    while fs::read_to_string(run.join("gan/log.jsonl")).map_or(0, |text| text.lines().count()) < steps {
        assert!(start.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it does not train");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_dies_ends_the_training_and_it_goes_on_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["stem.epochs=1", "stream.epochs=1", "gan.generator.gf_dim=2", "data.checkpoint_seconds=0"];
    let context = context(folder.path(), "run", &short);
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    let train = |pictures: usize, more: &[&str]| {
        let phases = format!("gan.phases=[{{stages=1,pictures={pictures},batch=4,trains=\"all\"}}]");
        let mut command = mirrorgan(&["train", "gan", "--data", "data", "--recipe", "tiny", "--out", "run"], None);
        command.current_dir(folder.path()).args(more).args(["--set", &phases]);
        short.iter().for_each(|change| {
            command.args(["--set", change]);
        });
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let servers = [Served::begin(None), Served::begin(None)];
    let addresses = servers.each_ref().map(|server| server.address.clone());
    // The trainer's own device is here, then elsewhere.
    let ways = [format!("cpu,{}", servers[0].name()), format!("{},cpu", servers[1].name())];
    let mut steps = 0;
    for ((devices, address), mut server) in ways.iter().zip(addresses).zip(servers) {
        let mut training = train(1_000_000, &["--devices", devices, "--resume"]);
        wait_for_steps(&context.out, steps + 3, &mut training);
        server.kill();
        let output = training.wait_with_output().unwrap();
        let message = said(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        let lost = format!("error: the device at {address} is lost: its server has ended, or cannot be reached any more; --resume goes on");
        assert!(message.contains(&lost) && !message.contains("panicked") && !message.contains("Generic"), "{message}");
        steps = log(&context, "gan").len();
    }
    // Two batches more than there are by now.
    let after = train(4 * (steps + 2), &["--device", "cpu", "--devices", "2", "--resume"]).wait_with_output().unwrap();
    assert!(after.status.success(), "{}", said(&after));
    let found: Vec<u64> = log(&context, "gan").iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert!(found.len() >= steps, "{found:?}");
    assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>(), "every step once, in order");
}

#[test]
fn only_the_right_token_draws_and_its_picture_is_that_of_this_device() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Served::begin(Some("open-sesame"));
    let draw = |device: &str, out: &str, token: Option<&str>, more: &[&str]| {
        let out = folder.path().join(out);
        let arguments = ["generate", PROMPT, "--model", MODEL, "--seed", "7", "--device", device, "--out", out.to_str().unwrap()];
        mirrorgan(&[&arguments[..], more].concat(), token).output().unwrap()
    };
    for (token, message) in [(None, "wants a token, and none is given"), (Some("sesame"), "refuses this token")] {
        let refused = draw(&server.name(), "refused.png", token, &[]);
        let text = said(&refused);
        assert!(refused.status.code() == Some(1) && text.contains(&format!("error: {} {message}; --token-file", server.address)), "{text}");
        assert!(!text.contains("panicked") && !folder.path().join("refused.png").exists(), "{text}");
    }
    let file = folder.path().join("token");
    fs::write(&file, "open-sesame\n").unwrap();
    // The file counts, not the variable.
    let there = draw(&server.name(), "there.png", Some("sesame"), &["--token-file", file.to_str().unwrap()]);
    let here = draw("cpu", "here.png", None, &[]);
    assert!(there.status.success() && here.status.success(), "{}{}", said(&there), said(&here));
    let [there, here] = ["there.png", "here.png"].map(|name| image::open(folder.path().join(name)).unwrap().to_rgb8());
    let apart = there.iter().zip(here.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(there.dimensions() == here.dimensions() && apart <= 2, "{apart}");

    // Ctrl-C ends a server as it ends everything else; it has told who came.
    let interrupt = format!("kill -INT {}", server.child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(130));
    let mut told = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((told.matches(": connected").count(), told.matches(": refused").count()), (1, 2), "{told}");
    assert!(told.contains("interrupted") && !told.contains("sesame"), "{told}");

    // And who comes later is told so.
    let late = draw(&server.name(), "late.png", Some("open-sesame"), &[]);
    let text = said(&late);
    assert!(late.status.code() == Some(1) && text.contains(&format!("{} cannot be reached", server.address)), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_model_is_measured_on_a_server_as_here() {
    let folder = tempfile::tempdir().unwrap();
    mirrorgan::data::tiny::write(&folder.path().join("data")).unwrap();
    let server = Served::begin(None);
    let measure = |device: &str| -> serde_json::Value {
        let arguments = ["evaluate", "--model", MODEL, "--data", "data", "--limit", "8", "--metrics", "distance,captions", "--json", "-"];
        let output = mirrorgan(&[&arguments[..], &["--device", device]].concat(), None).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let [there, here] = [measure(&server.name()), measure("cpu")];
    let figures = |found: &serde_json::Value| -> Vec<(String, f64)> {
        let figure = |figure: &serde_json::Value| (figure["name"].as_str().unwrap().to_string(), figure["value"].as_f64().unwrap());
        found["figures"].as_array().unwrap().iter().map(figure).collect()
    };
    let (there, here) = (figures(&there), figures(&here));
    assert!(there.len() == here.len() && !here.is_empty(), "{there:?}");
    for ((name, there), (_, here)) in there.iter().zip(&here) {
        assert!((there - here).abs() <= 1e-2 * (1.0 + here.abs()), "{name}: {there} {here}");
    }
}

#[test]
fn what_could_be_open_to_all_does_not_begin() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let refused = mirrorgan(&["serve", "--device", "cpu", "--listen", listen], None).output().unwrap();
        let text = said(&refused);
        assert!(refused.status.code() == Some(2) && text.contains("no token is given") && text.contains("MIRRORGAN_TOKEN"), "{text}");
    }
    let wrong = mirrorgan(&["generate", "a", "--model", MODEL, "--out", "a.png", "--device", "remote:http://x:1"], None).output().unwrap();
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("expected ws://HOST:PORT"), "{}", said(&wrong));
    let both = ["train", "gan", "--data", "x", "--out", "x", "--device", "cpu", "--devices", "cpu,cpu"];
    let both = mirrorgan(&both, None).output().unwrap();
    assert!(both.status.code() == Some(2) && said(&both).contains("leave --device out"), "{}", said(&both));
}

/// A connection to a server that is listened to, or changed, on its way.
struct Between {
    address: Address,
    /// What has gone to the server, and come from it, in bytes.
    bytes: [Arc<AtomicU64>; 2],
}

impl Between {
    /// `answer` is said in the place of everything that the server says after its greeting.
    fn begin(server: &Served, answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let target = server.address.trim_start_matches("ws://").to_string();
        let bytes = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let [up, down] = bytes.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&target).unwrap());
                let (from_client, to_server, up) = (client.try_clone().unwrap(), server.try_clone().unwrap(), up.clone());
                thread::spawn(move || pass(from_client, to_server, &up, None));
                let (down, answer) = (down.clone(), answer.clone());
                thread::spawn(move || pass(server, client, &down, answer));
            }
        });
        Self { address, bytes }
    }

    fn counts(&self) -> [u64; 2] {
        self.bytes.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64, answer: Option<Vec<u8>>) {
    let mut buffer = vec![0; 1 << 16];
    let mut seen: Vec<u8> = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(length as u64, Ordering::Relaxed);
        let Some(answer) = &answer else {
            if to.write_all(&buffer[..length]).is_err() {
                return;
            }
            continue;
        };
        seen.extend_from_slice(&buffer[..length]);
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let _ = to.write_all(&[&seen[..end + 4], answer].concat());
            return;
        }
    }
}

/// A server of a version that does not exist yet, by the one answer whose form burn promises never to change.
#[test]
fn a_server_of_another_version_is_told_apart() {
    let server = Served::begin(None);
    let refusal = [&[0x92, 0x81, 0xab][..], b"InitRefused", &[0x81, 0xb4], b"IncompatibleProtocol", &[0x91, 99, 0]].concat();
    let frame = [&[0x82, refusal.len() as u8][..], &refusal].concat();
    let other = Between::begin(&server, Some(frame));
    let error = connect(&other.address, None, PATIENCE).unwrap_err();
    assert!(matches!(error, RemoteError::OtherVersion { server: 99, .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(other.address.as_str()) && text.contains("version 99") && text.contains("same mirrorgan"), "{text}");

    // Older servers end the session without an answer.
    let silent = Between::begin(&server, Some(vec![0x88, 0]));
    let error = connect(&silent.address, None, PATIENCE).unwrap_err();
    assert!(matches!(error, RemoteError::NoServer { .. }), "{error}");
}

/// Prints what a step costs: `cargo test --features remote --test native remote -- --ignored --nocapture`, in an optimised build with `--release`.
#[test]
#[ignore = "prints figures"]
fn what_a_step_costs() {
    let folder = tempfile::tempdir().unwrap();
    let phases = "gan.phases=[{stages=1,pictures=320,batch=16,trains=\"all\"}]";
    let context = context(folder.path(), "run", &["stem.epochs=1", "stream.epochs=1", phases]);
    stem::run(&context).unwrap();
    stream::run(&context).unwrap();
    let server = Served::begin(None);
    let between = Between::begin(&server, None);
    let (here, there) = (Device::flex(), connect(&between.address, None, PATIENCE).unwrap());
    let ways = [
        ("here", vec![here.clone()]),
        ("there", vec![there.clone()]),
        ("here, in two halves", vec![here.clone(), here.clone()]),
        ("half here, half there", vec![here, there]),
    ];
    for (name, devices) in ways {
        let before = between.counts();
        losses(&context, &devices);
        let lines = log(&context, "gan");
        let after = between.counts();
        // The first step has more to do than the others.
        let mut seconds: Vec<f64> = lines.iter().skip(1).map(|line| 16.0 / line["pictures_per_second"].as_f64().unwrap()).collect();
        seconds.sort_by(f64::total_cmp);
        let [up, down] = [0, 1].map(|way| (after[way] - before[way]) as f64 / lines.len() as f64 / 1e6);
        println!("{name}: {:.3} s a step; {up:.2} MB a step to the server, {down:.2} MB from it", seconds[seconds.len() / 2]);
    }
}
