//! The disk itself.

use rand::SeedableRng;

use super::*;

const NAME: &str = "tidings.db-wal";

fn after(change: impl FnOnce(&mut Disk, FileNumber), loss: Loss) -> Option<Vec<u8>> {
    let mut disk = Disk::new(Cut::InStep(100), None);
    let file = disk.create(NAME).unwrap();
    change(&mut disk, file);
    disk.turn_off();
    disk.remains(loss, &mut StdRng::seed_from_u64(1)).remove(NAME)
}

#[test]
fn what_was_not_synced_is_lost_with_its_name() {
    let write = |disk: &mut Disk, file| disk.write(Part::Log, file, 0, &[1; 2_000]).unwrap();
    assert_eq!(after(write, Loss::All), None);
    let synced = |disk: &mut Disk, file| {
        write(disk, file);
        disk.sync(Part::Log, file).unwrap();
    };
    assert_eq!(after(synced, Loss::All), None, "the folder was not");
    let named = |disk: &mut Disk, file| {
        synced(disk, file);
        disk.sync_folder(Part::Log).unwrap();
        disk.write(Part::Log, file, 1_000, &[2; 2_000]).unwrap();
        disk.truncate(Part::Log, file, 5).unwrap();
    };
    assert_eq!(after(named, Loss::All), Some(vec![1; 2_000]));
    assert_eq!(after(named, Loss::Some(1.0)), Some(vec![1; 5]));
}

#[test]
fn sectors_survive_each_by_itself_and_leave_their_neighbours_alone() {
    let change = |disk: &mut Disk, file| {
        disk.write(Part::Log, file, 0, &[1; 51_200]).unwrap();
        disk.sync(Part::Log, file).unwrap();
        disk.sync_folder(Part::Log).unwrap();
        disk.write(Part::Log, file, 100, &[2; 51_000]).unwrap();
    };
    let content = after(change, Loss::Some(0.5)).unwrap();
    let new = content.chunks(512).filter(|sector| sector[200] == 2).count();
    assert!((20..80).contains(&new), "{new} of 100 sectors");
    assert!(content.iter().all(|byte| [1, 2].contains(byte)));
    assert!(content[..100] == [1; 100] && content[51_100..] == [1; 100]);
    let torn = after(change, Loss::Torn(0.5)).unwrap();
    assert!(torn.iter().any(|byte| ![1, 2].contains(byte)));
    assert!(torn[..100] == [1; 100] && torn[51_100..] == [1; 100]);
}

#[test]
fn nothing_arrives_after_the_cut_and_the_same_seed_leaves_the_same() {
    let change = |disk: &mut Disk, file| {
        disk.sync_folder(Part::Log).unwrap();
        for number in 0..200 {
            let written = disk.write(Part::Log, file, number * 512, &[number as u8; 512]);
            // The file and its name were the first two steps.
            assert_eq!(written.is_ok(), number < 97, "{number}");
        }
        assert_eq!(disk.cut(), Some((Part::Log, Deed::Write)));
    };
    let remains = [(); 2].map(|()| after(change, Loss::Some(0.5)));
    assert_eq!(remains[0], remains[1]);
}
