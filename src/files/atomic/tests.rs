use super::*;

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_take_the_place_of_older_ones() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/a.txt");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(names(path.parent().unwrap()), ["a.txt"]);
}

#[test]
fn folders_take_the_place_of_older_ones_and_clear_what_a_dead_process_left() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("best");
    fs::create_dir_all(place.path().join(".writing-best")).unwrap();
    fs::write(place.path().join(".writing-best/half"), "x").unwrap();
    write_folder(&folder, [("a", b"1"), ("b", b"2")]).unwrap();
    write_folder(&folder, [("a", "3")]).unwrap();
    assert_eq!(names(&folder), ["a"]);
    assert_eq!(fs::read(folder.join("a")).unwrap(), b"3");
    assert_eq!(names(place.path()), ["best"]);
}

#[test]
fn what_fails_names_the_file_and_leaves_the_old_one() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("best");
    write_folder(&folder, [("a", "1")]).unwrap();
    // A name in a folder that is not there cannot be written, as on a full disk.
    let error = write_folder(&folder, [("a", "2"), ("no/b", "2")]).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == folder.join("no/b")), "{error}");
    assert_eq!(fs::read(folder.join("a")).unwrap(), b"1");
    assert_eq!(names(place.path()), ["best"]);
    // A folder stands where the file should go.
    let error = write(&folder, b"2").unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == folder), "{error}");
    assert_eq!(names(place.path()), ["best"]);
    assert!(matches!(write(Path::new(".."), b"2"), Err(Error::Io { .. })));
}

#[test]
fn a_folder_under_way_is_hashed_as_it_comes_and_gone_when_it_is_left() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("step");
    let mut under_way = Folder::begin(&folder).unwrap();
    let long = vec![7; 3 * PIECE / 2];
    let pieces = under_way.file("a", |file| long.chunks(1000).try_for_each(|piece| file.write(piece))).unwrap();
    let at_once = under_way.file_at("b", |path| fs::write(path, &long)).unwrap();
    assert_eq!([&pieces, &at_once], [&crate::files::sha256(&long); 2]);
    assert!(!folder.exists());
    let error = under_way.file_at("c", |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == folder.join("c")), "{error}");
    drop(under_way);
    assert!(names(place.path()).is_empty());
    let mut under_way = Folder::begin(&folder).unwrap();
    under_way.file("a", |file| file.write(b"1")).unwrap();
    under_way.finish().unwrap();
    assert_eq!((names(place.path()), names(&folder)), (vec!["step".to_string()], vec!["a".to_string()]));
}

#[test]
#[cfg(target_os = "linux")]
fn folders_can_be_swapped_here() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    fs::write(a.join("x"), "x").unwrap();
    assert!(swap(&a, &b));
    assert_eq!((names(&a), names(&b)), (vec![], vec!["x".to_string()]));
}

/// Two processes are two handles here.
#[test]
fn those_who_write_the_same_name_do_not_write_into_one_another() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("model");
    let mut one = Folder::begin(&folder).unwrap();
    one.file("a", |file| file.write(b"one")).unwrap();
    let mut other = Folder::begin(&folder).unwrap();
    other.file("b", |file| file.write(b"other")).unwrap();
    clear_unfinished(place.path()).unwrap();
    one.file("c", |file| file.write(b"one")).unwrap();
    one.finish().unwrap();
    assert_eq!(names(&folder), ["a", "c"]);
    other.finish().unwrap();
    assert_eq!((names(&folder), names(place.path())), (vec!["b".to_string()], vec!["model".to_string()]));

    let file = Place::of(&place.path().join("a.txt")).unwrap();
    let (first, held) = file.file().unwrap();
    fs::write(&first, "half").unwrap();
    write(&place.path().join("a.txt"), b"whole").unwrap();
    assert_eq!(fs::read(place.path().join("a.txt")).unwrap(), b"whole");
    assert_eq!(fs::read(&first).unwrap(), b"half", "another's is left alone");
    drop(held);
    clear_unfinished(place.path()).unwrap();
    assert_eq!(names(place.path()), ["a.txt", "model"]);
    // Longer than what takes its place.
    fs::write(&first, "of a process that died").unwrap();
    write(&place.path().join("a.txt"), b"new").unwrap();
    assert_eq!(fs::read(place.path().join("a.txt")).unwrap(), b"new");
    assert_eq!(names(place.path()), ["a.txt", "model"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_stay() {
    use std::os::unix::fs::symlink;
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("there/old")).unwrap();
    fs::write(at("there/old/x"), "x").unwrap();
    symlink("there/a.txt", at("a")).unwrap();
    symlink("a", at("b")).unwrap();
    symlink(at("there/old"), at("folder")).unwrap();
    symlink("there/new", at("fresh")).unwrap();
    // One that leads nowhere yet, and what it leads to by then.
    for content in ["one", "two"] {
        write(&at("b"), content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(at("there/a.txt")).unwrap(), content);
    }
    write_folder(&at("folder"), [("y", "y")]).unwrap();
    write_folder(&at("fresh"), [("z", "z")]).unwrap();
    assert_eq!((names(&at("there/old")), names(&at("there/new"))), (vec!["y".to_string()], vec!["z".to_string()]));
    assert!(["a", "b", "folder", "fresh"].iter().all(|name| at(name).is_symlink()));
    assert_eq!(names(&at("there")), ["a.txt", "new", "old"]);
    symlink("circle", at("circle")).unwrap();
    let error = write(&at("circle"), b"x").unwrap_err();
    assert!(error.to_string().contains("leads to itself"), "{error}");
    assert!(matches!(Folder::begin(&at("a")), Err(Error::Io { .. })), "a file is no folder");
    assert_eq!(fs::read(at("a")).unwrap(), b"two");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_written_to_and_stays_what_it_is() {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileTypeExt;
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let link = place.path().join("link");
    std::os::unix::fs::symlink("pipe", &link).unwrap();
    for name in [&pipe, &link] {
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(name, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }
    write(Path::new("/dev/null"), b"away").unwrap();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let error = write(Path::new("/dev/full"), b"too much").unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, source } if path == Path::new("/dev/full") && source.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
    // A descriptor goes on where it is, whatever the file behind it is called by now.
    let path = place.path().join("open.txt");
    let mut open = File::create(&path).unwrap();
    open.write_all(b"before ").unwrap();
    for folder in ["/dev/fd", "/proc/self/fd", "/dev/../dev/fd"] {
        write(&Path::new(folder).join(open.as_raw_fd().to_string()), b"and ").unwrap();
    }
    fs::remove_file(&path).unwrap();
    write(&Path::new("/dev/fd").join(open.as_raw_fd().to_string()), b"gone").unwrap();
    assert_eq!(open.metadata().unwrap().len(), "before and and and gone".len() as u64);
    assert!(matches!(write(Path::new("/dev/fd/99999"), b"x"), Err(Error::Io { .. })));
    assert_eq!(names(place.path()), ["link", "pipe"]);
}

#[test]
fn who_clears_takes_nothing_away_from_who_writes() {
    let place = tempfile::tempdir().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                clear_unfinished(place.path()).unwrap();
            }
        });
        for round in 0..200 {
            let folder = place.path().join(format!("step-{}", round % 2));
            let written = write_folder(&folder, [("a", "1"), ("b", "2")]).and_then(|()| write(&place.path().join("log"), b"3"));
            if written.is_err() || names(&folder) != ["a", "b"] {
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            written.unwrap();
            assert_eq!(names(&folder), ["a", "b"]);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(names(place.path()), ["log", "step-0", "step-1"]);
}
