//! Making files and their names durable on a local disk; object stores do so themselves.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The folder of a table on a local disk; `None` for one on an object store.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Option<PathBuf>);

impl Disk {
    pub(crate) fn of(table: &deltalake::DeltaTable) -> Self {
        let url = table.table_url();
        Self(url.to_file_path().ok().filter(|_| url.scheme() == "file"))
    }

    /// Syncs files of `folder`, and the folder that names them.
    pub(crate) fn sync<'a>(&self, files: impl IntoIterator<Item = &'a str>, folder: &str) -> io::Result<()> {
        let Some(root) = &self.0 else { return Ok(()) };
        let folder = root.join(folder);
        files.into_iter().try_for_each(|file| sync(&folder.join(file)))?;
        sync(&folder)
    }

    /// Syncs the names of the table's folder and of all that it lies in.
    pub(crate) fn sync_ancestors(&self) -> io::Result<()> {
        for folder in self.0.iter().flat_map(|root| root.ancestors()) {
            match File::open(folder).and_then(|folder| folder.sync_all()) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                synced => synced?,
            }
        }
        Ok(())
    }

    /// CRC-32C of a file, for `lake verify`; object stores keep checksums themselves.
    pub(crate) fn checksum(&self, path: &str) -> io::Result<Option<String>> {
        let Some(root) = &self.0 else { return Ok(None) };
        let (mut file, mut part, mut crc) = (File::open(root.join(path))?, vec![0; 256 << 10], 0);
        loop {
            match file.read(&mut part)? {
                0 => return Ok(Some(format!("{crc:08x}"))),
                read => crc = crc32c::crc32c_append(crc, &part[..read]),
            }
        }
    }
}

fn sync(path: &Path) -> io::Result<()> {
    match File::open(path) {
        // A commit that a checkpoint made superfluous may be gone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file?.sync_all(),
    }
}
