//! Parquet files whose promises are held against their bytes before the parquet crate unpacks them.
//!
//! A few damaged bytes can promise gigabytes: the size of a page once unpacked, the length of a dictionary, the number of
//! children of a schema's node. The crate reserves what is promised, and a reservation that fails ends the process, which
//! no reader may do. So the footer and every page header are walked here first.
//!
//! Not modelled: encryption, page indices, Bloom filters; the sum of the texts that a page of `DELTA_BYTE_ARRAY` unfolds to.

mod kinds;
mod thrift;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;
use thrift::{Event, walk};

/// Most bytes of one page once unpacked. Writers aim at 1 MiB; some make a page of a whole row group (128 MiB).
const MOST_PAGE_BYTES: u64 = 256 << 20;
/// Most nodes of a schema below one another; the crate goes down by calling itself.
const MOST_DEPTH: usize = 64;
/// Length of the footer and the four letters behind it, bytes.
const TAIL_BYTES: u64 = 8;
/// Bytes in which a page header is looked for first; one with long statistics is looked for in more.
const HEADER_BYTES: u64 = 1 << 10;

/// A Parquet file whose footer promises no more than its bytes can hold.
pub(crate) struct ParquetFile<R> {
    input: Arc<R>,
    metadata: ParquetMetaData,
}

impl<R: ChunkReader + 'static> ParquetFile<R> {
    /// Reads the footer.
    ///
    /// # Errors
    /// Bytes that are no Parquet, or whose footer contradicts itself.
    pub(crate) fn open(input: R) -> Result<Self> {
        let footer = footer(&input)?;
        check_footer(&footer)?;
        let metadata = ParquetMetaDataReader::decode_metadata(&footer)?;
        Ok(Self { input: Arc::new(input), metadata })
    }

    /// What the footer says.
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    /// A reader of the column `leaf` of a row group, both counted from zero.
    ///
    /// # Errors
    /// A chunk that does not lie in the file, or is packed in a way that is not read.
    pub(crate) fn column(&self, group: usize, leaf: usize) -> Result<ColumnReader> {
        let group = self.metadata.row_group(group);
        let rows = usize::try_from(group.num_rows()).map_err(|_| damaged("a row group has less than no rows"))?;
        let chunk = group.column(leaf);
        let (offset, left) = chunk.byte_range();
        let within = offset.checked_add(left).is_some_and(|end| end <= self.input.len());
        if !within {
            return Err(damaged("a column lies beyond the end of the file"));
        }
        let described = chunk.column_descr_ptr();
        let pages = Checked {
            inner: SerializedPageReader::new(Arc::clone(&self.input), chunk, rows, None)?,
            input: Arc::clone(&self.input),
            packed: chunk.compression(),
            column: Arc::clone(&described),
            rows,
            offset,
            left,
        };
        Ok(get_column_reader(described, Box::new(pages)))
    }
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("damaged: {what}"))
}

/// The bytes of the footer.
fn footer<R: ChunkReader>(input: &R) -> Result<Bytes> {
    let tail = input.len().checked_sub(TAIL_BYTES).ok_or_else(|| damaged("too short for a Parquet file"))?;
    let bytes = input.get_bytes(tail, TAIL_BYTES as usize)?;
    let (length, letters) = bytes.split_at(4);
    if letters != b"PAR1" {
        return Err(damaged("it does not end with PAR1"));
    }
    let length = u32::from_le_bytes(length.try_into().expect("the tail was split after four bytes"));
    let start = tail.checked_sub(u64::from(length)).ok_or_else(|| damaged("its footer is longer than the file"))?;
    input.get_bytes(start, length as usize)
}

/// Walks the footer; its schema must be a tree of the nodes that are there.
fn check_footer(footer: &[u8]) -> Result<()> {
    // FileMetaData: field 2 is the list of the schema's nodes, whose field 5 counts the children.
    let mut children: Vec<i64> = Vec::new();
    walk(footer, kinds::footer, &mut |path, event| match (path, event) {
        ([2], Event::Element) => children.push(0),
        ([2, 5], Event::Whole(count)) => {
            if let Some(last) = children.last_mut() {
                *last = count;
            }
        }
        _ => {}
    })
    .ok_or_else(|| damaged("its footer is cut short or counts more than it holds"))?;
    // Children still to come of each open node, from the root down.
    let mut open: Vec<i64> = Vec::new();
    for (place, count) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let there = i64::try_from(children.len() - place - 1).unwrap_or(i64::MAX);
        if !(0..=there).contains(count) || open.len() >= MOST_DEPTH {
            return Err(damaged("its schema is no tree of the nodes that are there"));
        }
        open.push(*count);
    }
    Ok(())
}

/// The pages of a column; each is looked at before it is unpacked, and again before its values are read.
struct Checked<R: ChunkReader> {
    inner: SerializedPageReader<R>,
    input: Arc<R>,
    packed: Compression,
    column: ColumnDescPtr,
    rows: usize,
    /// Where the next page header begins, and the bytes of the chunk from there on.
    offset: u64,
    left: u64,
}

impl<R: ChunkReader> Checked<R> {
    /// Checks the next header that is not an index page's, which the crate passes over.
    fn look(&mut self) -> Result<()> {
        while self.left > 0 {
            let (length, header) = self.header()?;
            let body = u64::try_from(header.packed_bytes).map_err(|_| damaged("a page of less than no bytes"))?;
            let whole = length.checked_add(body).filter(|whole| *whole <= self.left);
            let whole = whole.ok_or_else(|| damaged("a page is longer than its column"))?;
            let promised = u64::try_from(header.bytes).map_err(|_| damaged("a page of less than no bytes"))?;
            if self.packed != Compression::UNCOMPRESSED && promised > most_unpacked(self.packed, body) {
                return Err(damaged("a page promises more than its bytes can unfold to"));
            }
            self.offset += whole;
            self.left -= whole;
            if header.kind != Header::INDEX {
                return Ok(());
            }
        }
        Ok(())
    }

    fn header(&self) -> Result<(u64, Header)> {
        let mut sight = HEADER_BYTES;
        loop {
            let taken = sight.min(self.left);
            let bytes = self.input.get_bytes(self.offset, taken as usize)?;
            let mut header = Header { kind: -1, bytes: -1, packed_bytes: -1 };
            let length = walk(&bytes, kinds::page_header, &mut |path, event| match (path, event) {
                ([1], Event::Whole(kind)) => header.kind = kind,
                ([2], Event::Whole(bytes)) => header.bytes = bytes,
                ([3], Event::Whole(bytes)) => header.packed_bytes = bytes,
                _ => {}
            });
            match length {
                Some(length) => return Ok((length as u64, header)),
                None if taken == self.left => return Err(damaged("a page header is cut short")),
                None => sight *= 16,
            }
        }
    }

    /// Holds what an unpacked page counts against its bytes.
    fn check(&self, page: &Page) -> Result<()> {
        let flat = self.column.max_rep_level() == 0;
        if let Page::DictionaryPage { buf, num_values, .. } = page {
            let least = match self.column.physical_type() {
                Physical::BOOLEAN => 1,
                Physical::INT32 | Physical::FLOAT | Physical::BYTE_ARRAY => 4,
                Physical::INT64 | Physical::DOUBLE => 8,
                Physical::INT96 => 12,
                Physical::FIXED_LEN_BYTE_ARRAY => self.column.type_length().max(1) as u64,
            };
            return if u64::from(*num_values) * least > buf.len() as u64 {
                Err(damaged("a dictionary counts more values than its bytes hold"))
            } else {
                Ok(())
            };
        }
        let values = page.num_values();
        if flat && values as usize > self.rows {
            return Err(damaged("a page has more values than its row group has rows"));
        }
        match delta_count(page, self.column.max_def_level() > 0) {
            Some(count) if flat && count > u64::from(values) => {
                Err(damaged("a page counts more lengths than it has values"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: ChunkReader> PageReader for Checked<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.look()?;
        let page = self.inner.get_next_page()?;
        if let Some(page) = &page {
            self.check(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.look()?;
        self.inner.skip_next_page()
    }
}

impl<R: ChunkReader> Iterator for Checked<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// What a page header says of its page.
struct Header {
    kind: i64,
    bytes: i64,
    packed_bytes: i64,
}

impl Header {
    /// The kind of page that holds an index.
    const INDEX: i64 = 1;
}

/// Most bytes that `packed` bytes can unfold to, by the longest copy that an instruction of each packing can ask for.
fn most_unpacked(packing: Compression, packed: u64) -> u64 {
    let ratio = match packing {
        // 64 bytes by an instruction of 3: <https://github.com/google/snappy/blob/main/format_description.txt>
        Compression::SNAPPY => 22,
        // 258 bytes by two codes of one bit: RFC 1951, 3.2.5.
        Compression::GZIP(_) => 1_032,
        // A byte of length stands for 255 bytes more: the LZ4 block format, "Match copy operation".
        Compression::LZ4 | Compression::LZ4_RAW => 255,
        // A block of 128 KiB of one byte takes 4: RFC 8878, 3.1.1.2.
        _ => 1 << 15,
    };
    // A few bytes are the packing's own frame.
    packed.saturating_mul(ratio).saturating_add(64).min(MOST_PAGE_BYTES)
}

/// How many lengths a data page of texts begins with; `None` for other encodings, and where the bytes end before.
fn delta_count(page: &Page, levels: bool) -> Option<u64> {
    let (buf, encoding, skipped) = match page {
        Page::DataPage { buf, encoding, def_level_encoding, .. } => {
            // The levels of nulls stand before the values, with their length in four bytes (none in the oldest encoding).
            if levels && *def_level_encoding != Encoding::RLE {
                return None;
            }
            let head = buf.get(..4).filter(|_| levels);
            let skipped =
                head.map_or(0, |head| 4 + u64::from(u32::from_le_bytes(head.try_into().expect("four bytes"))));
            (buf, encoding, skipped)
        }
        Page::DataPageV2 { buf, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            (buf, encoding, u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len))
        }
        Page::DictionaryPage { .. } => return None,
    };
    if !matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
        return None;
    }
    // Block size, miniblocks in a block, and then the count.
    let mut bytes = buf.get(usize::try_from(skipped).ok()?..)?;
    for _ in 0..2 {
        thrift::varint(&mut bytes)?;
    }
    thrift::varint(&mut bytes)
}

#[cfg(test)]
mod tests;
