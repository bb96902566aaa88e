package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vmware/govmomi/vmdk"
	"golang.org/x/sys/unix"
)

// Formats: "Virtual Disk Format 5.0" (VMware technical note). Sizes and offsets in a sparse extent are in sectors of
// 512 bytes.
const sector = vmdk.SectorSize

// diskKind is what a descriptor says about a disk besides its size.
type diskKind struct {
	thin    bool
	adapter string // ddb.adapterType: lsilogic unless set
}

// parentLink makes a disk the child of another.
type parentLink struct {
	cid  vmdk.DiskContentID
	hint string // the parent's path
}

// flatName is the name of the extent of a VMFS disk: x.vmdk has x-flat.vmdk.
func flatName(descriptor string) string {
	return strings.TrimSuffix(descriptor, ".vmdk") + "-flat.vmdk"
}

// fileCost is how many bytes a regular file takes of its datastore: its blocks, or all of its size when it is the extent of a disk that is not
// thin, since vSphere has allocated those (API: VirtualDiskType, "A preallocated disk has all space allocated at creation time").
func fileCost(name string, info fs.FileInfo) int64 {
	if used := allocated(info); used >= info.Size() || !strings.HasSuffix(name, "-flat.vmdk") || isThin(name) {
		return used
	}
	return info.Size()
}

// isThin says whether an extent's descriptor calls the disk thin, or there is no descriptor to say so.
func isThin(flat string) bool {
	f, err := os.Open(strings.TrimSuffix(flat, "-flat.vmdk") + ".vmdk")
	if err != nil {
		return true
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	return !bytes.Contains(head, []byte("# Disk DescriptorFile")) || bytes.Contains(head, []byte(`ddb.thinProvisioned = "1"`))
}

// deltaName is the name of a child's extent.
func deltaName(descriptor string) string {
	return strings.TrimSuffix(descriptor, ".vmdk") + "-delta.vmdk"
}

// flat is the extent of the disk whose descriptor f is.
func (f file) flat() file { return f.with(flatName(path.Base(f.rel))) }

// writeDescriptor writes the descriptor of a disk of that many bytes. It replaces the file in one step.
func writeDescriptor(f file, size int64, kind diskKind, parent *parentLink) error {
	adapter := kind.adapter
	if adapter == "" {
		adapter = "lsilogic"
	}
	extent, createType, parentCID, hint := flatName(path.Base(f.rel)), "vmfs", vmdk.DiskContentID(0xffffffff), ""
	extentType := "VMFS"
	if parent != nil {
		extent, createType, parentCID = deltaName(path.Base(f.rel)), "vmfsSparse", parent.cid
		extentType = "VMFSSPARSE"
		hint = fmt.Sprintf("parentFileNameHint=%q\n", parent.hint)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=%s\nparentCID=%s\ncreateType=%q\n%s\n", vmdk.DiskContentID(rand.Uint32()&^1), parentCID, createType, hint)
	fmt.Fprintf(&b, "# Extent description\nRW %d %s %q\n\n", size/sector, extentType, extent)
	sectors := size / sector
	fmt.Fprintf(&b, "# The Disk Data Base\n#DDB\n\nddb.adapterType = %q\nddb.geometry.cylinders = \"%d\"\nddb.geometry.heads = \"255\"\nddb.geometry.sectors = \"63\"\n", adapter, sectors/(255*63))
	fmt.Fprintf(&b, "ddb.longContentID = \"%016x%016x\"\n", rand.Uint64(), rand.Uint64())
	if kind.thin {
		fmt.Fprint(&b, "ddb.thinProvisioned = \"1\"\n")
	}
	fmt.Fprint(&b, "ddb.virtualHWVersion = \"19\"\n")
	tmp := f.path() + ".new"
	if err := os.WriteFile(tmp, b.Bytes(), 0600); err != nil {
		return err
	}
	return os.Rename(tmp, f.path())
}

// createDisk makes descriptor and extent of an empty disk. It leaves nothing when it fails.
func createDisk(f file, size int64, kind diskKind, parent *parentLink) error {
	extent := f.flat()
	if parent != nil {
		extent = f.with(deltaName(path.Base(f.rel)))
	}
	o, err := os.OpenFile(extent.path(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0600)
	if err != nil {
		return err
	}
	if parent == nil {
		err = o.Truncate(size)
	}
	if err = errors.Join(err, o.Close()); err == nil {
		err = writeDescriptor(f, size, kind, parent)
	}
	if err != nil {
		_ = os.Remove(extent.path())
	}
	return err
}

// disk is a VMFS disk as its descriptor tells.
type disk struct {
	desc   file
	extent file
	size   int64 // bytes
	kind   diskKind
	cid    vmdk.DiskContentID
	parent *parentLink // of a child
}

// Errors of a disk's files.
var (
	errNotDisk  = errors.New("the file is not a virtual disk")
	errNoExtent = errors.New("the disk's extent is missing or too short")
)

var parentHint = regexp.MustCompile(`(?m)^parentFileNameHint="(.+)"`)

// openDisk reads a descriptor and checks its extent. Errors: that of the file system, errNotDisk, errNoExtent.
func openDisk(f file) (*disk, error) {
	info, err := os.Lstat(f.path())
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, errNotDisk
	}
	data, err := os.ReadFile(f.path())
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(data[:min(len(data), 512)], []byte("# Disk DescriptorFile")) {
		return nil, errNotDisk
	}
	d, err := vmdk.ParseDescriptor(bytes.NewReader(data))
	if err != nil || len(d.Extent) != 1 || d.Extent[0].Size < 0 {
		return nil, errNotDisk
	}
	x := d.Extent[0]
	if x.Info == "" || x.Info != path.Base(x.Info) { // an extent elsewhere is nobody's business here
		return nil, errNoExtent
	}
	res := &disk{desc: f, extent: f.with(x.Info), size: x.Size * sector, cid: d.CID,
		kind: diskKind{thin: d.DDB["thinProvisioned"] == "1", adapter: d.DDB["adapterType"]}}
	if m := parentHint.FindSubmatch(data); m != nil {
		res.parent = &parentLink{cid: d.ParentCID, hint: string(m[1])}
	}
	info, err = os.Lstat(res.extent.path())
	if err != nil || !info.Mode().IsRegular() || res.parent == nil && info.Size() < res.size {
		return nil, errNoExtent
	}
	return res, nil
}

// sparseHeader is the start of SparseExtentHeader, as on the disk.
type sparseHeader struct {
	Magic, Version, Flags         uint32
	Capacity, GrainSize           uint64
	DescOffset, DescSize          uint64
	NumGTEs                       uint32
	RGDOffset, GDOffset, OverHead uint64
}

const (
	sparseMagic    = 0x564d444b // "KDMV"
	flagCompressed = 1 << 16
	flagMarkers    = 1 << 17
	gdAtEnd        = ^uint64(0)
	markerFooter   = 3
)

func readHeader(f io.ReaderAt, off int64) (h sparseHeader, err error) {
	b := make([]byte, 72)
	if _, err = f.ReadAt(b, off); err != nil {
		return h, errNotDisk
	}
	_ = binary.Read(bytes.NewReader(b), binary.LittleEndian, &h)
	if h.Magic != sparseMagic || h.Capacity == 0 || h.Capacity > 62<<40/sector || h.GrainSize < 1 || h.GrainSize > 2048 ||
		h.NumGTEs == 0 || h.NumGTEs > 4096 {
		return h, errNotDisk
	}
	return h, nil
}

// isHosted says whether the file is a sparse extent of VMware's hosted products: monolithicSparse or
// streamOptimized, one file.
func isHosted(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 4)
	_, err = f.ReadAt(b, 0)
	return err == nil && binary.LittleEndian.Uint32(b) == sparseMagic
}

// checkStream says what an import refuses of a streamOptimized file, or nil: a version before 3 ("sparse VMDK version too old", ESXi's word for
// it in glennmatthews/cot#65), no footer with its marker and no end-of-stream marker at the end, or a capacity that is not whole grains, which
// "Virtual Disk Format 5.0" asks for.
func checkStream(name string, b *Behaviour) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := readHeader(f, 0)
	if err != nil {
		return err
	}
	switch {
	case b.OldStream == "refused" && h.Flags&(flagCompressed|flagMarkers) != 0 && h.Version < 3:
		return errors.New("sparse VMDK version too old")
	case b.StreamOddCapacity == "refused" && h.Capacity%h.GrainSize != 0:
		return fmt.Errorf("the capacity, %d sectors, is not a multiple of the grain, %d", h.Capacity, h.GrainSize)
	case b.StreamWithoutFooter == "refused" && !hasFooter(f, h):
		return errors.New("the stream has no footer or no end-of-stream marker")
	}
	return nil
}

// hasFooter says whether a stream ends as it should: footer marker, footer, end-of-stream marker.
func hasFooter(f *os.File, h sparseHeader) bool {
	info, err := f.Stat()
	if err != nil || h.GDOffset != gdAtEnd || info.Size()%sector != 0 || info.Size() < 4*sector {
		return false
	}
	type marker struct {
		Val        uint64
		Size, Type uint32
	}
	var footer, end marker
	for at, m := range map[int64]*marker{3: &footer, 1: &end} {
		if binary.Read(io.NewSectionReader(f, info.Size()-at*sector, sector), binary.LittleEndian, m) != nil {
			return false
		}
	}
	_, err = readHeader(f, info.Size()-2*sector)
	return err == nil && footer == marker{1, 0, markerFooter} && end == marker{}
}

// hostedSize gives the size of a hosted sparse extent's disk, and of the file, which its content is not much larger than; in bytes.
func hostedSize(name string) (size, file int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h, err := readHeader(f, 0)
	if err != nil {
		return 0, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return int64(h.Capacity) * sector, info.Size(), nil
}

// expandHosted writes the content of a hosted sparse extent to a new file, as a sparse one. It gives the disk's
// size in bytes. A source that is cut off or broken anywhere is an error, and dst is removed.
func expandHosted(src, dst string) (size int64, err error) {
	f, err := os.Open(src)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	o, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err = errors.Join(err, o.Close()); err != nil {
			_ = os.Remove(dst)
		}
	}()
	h, err := readHeader(f, 0)
	if err != nil {
		return 0, err
	}
	if h.GDOffset == gdAtEnd { // streamOptimized: footer marker, footer, end-of-stream marker
		st, err := f.Stat()
		if err != nil {
			return 0, err
		}
		if h, err = readHeader(f, st.Size()-2*sector); err != nil {
			return 0, fmt.Errorf("no footer: %w", err)
		}
	}
	size = int64(h.Capacity) * sector
	if err := o.Truncate(size); err != nil {
		return 0, err
	}
	return size, eachGrain(f, h, func(off int64, data []byte) error {
		if isZero(data) {
			return nil
		}
		_, err := o.WriteAt(data, off)
		return err
	})
}

// eachGrain calls f with the offset and the bytes of each grain that the extent has.
func eachGrain(r io.ReaderAt, h sparseHeader, f func(off int64, data []byte) error) error {
	grains := (h.Capacity + h.GrainSize - 1) / h.GrainSize
	tables := (grains + uint64(h.NumGTEs) - 1) / uint64(h.NumGTEs)
	directory, err := readTable(r, h.GDOffset, tables)
	if err != nil {
		return err
	}
	grainBytes := int64(h.GrainSize) * sector
	buf := make([]byte, grainBytes)
	for t, at := range directory {
		if at == 0 {
			continue
		}
		entries, err := readTable(r, uint64(at), uint64(h.NumGTEs))
		if err != nil {
			return err
		}
		for i, e := range entries {
			lba := uint64(t)*uint64(h.NumGTEs) + uint64(i)
			if e < 2 || lba >= grains { // 0: not allocated, 1: zeroed
				continue
			}
			off := int64(lba) * grainBytes
			want := buf[:min(grainBytes, int64(h.Capacity)*sector-off)]
			if h.Flags&flagCompressed != 0 {
				err = readCompressed(r, int64(e)*sector, buf, int64(len(want)))
			} else {
				_, err = io.ReadFull(io.NewSectionReader(r, int64(e)*sector, int64(len(want))), want)
			}
			if err != nil {
				return fmt.Errorf("grain %d: %w", lba, err)
			}
			if err := f(off, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func readTable(r io.ReaderAt, off, n uint64) ([]uint32, error) {
	if off > 1<<52 || n > 1<<27 {
		return nil, errNotDisk
	}
	b := make([]byte, n*4)
	if _, err := r.ReadAt(b, int64(off)*sector); err != nil {
		return nil, fmt.Errorf("grain table: %w", err)
	}
	v := make([]uint32, n)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return v, nil
}

// readCompressed reads a grain with its marker (lba, size, deflate data) into buf; at least want bytes.
func readCompressed(r io.ReaderAt, at int64, buf []byte, want int64) error {
	m := make([]byte, 12)
	if _, err := r.ReadAt(m, at); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(m[8:]))
	if n == 0 || n > 2*int64(len(buf))+4096 {
		return errNotDisk
	}
	z, err := zlib.NewReader(io.NewSectionReader(r, at+12, n))
	if err != nil {
		return err
	}
	got, err := io.ReadFull(z, buf)
	if err == nil { // the checksum comes after the last byte
		_, err = z.Read(make([]byte, 1))
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF && int64(got) >= want {
		return nil
	}
	return errors.Join(errNotDisk, err)
}

var zeros = make([]byte, 1<<20)

func isZero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

// copySparse copies a file and leaves its holes holes. It removes dst when it fails.
func copySparse(src, dst string) (err error) {
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	o, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, o.Close()); err != nil {
			_ = os.Remove(dst)
		}
	}()
	if err = o.Truncate(info.Size()); err != nil {
		return err
	}

	for at := int64(0); at < info.Size(); {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // holes up to the end
		} else if err != nil {
			return err
		}
		hole, err := unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := f.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := o.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(o, f, hole-data); err != nil {
			return err
		}
		at = hole
	}
	return nil
}

// linkTo makes the link that a child of the disk has.
func (d *disk) linkTo() *parentLink {
	return &parentLink{cid: d.cid, hint: "/vmfs/volumes/" + d.desc.uuid + "/" + d.desc.rel}
}

// root is the disk at the end of a chain: its extent is the content of all, since no guest writes into a child here.
func (s *server) root(d *disk) (*disk, error) {
	for range 32 {
		if d.parent == nil {
			return d, nil
		}
		id, rel, _ := strings.Cut(strings.TrimPrefix(d.parent.hint, "/vmfs/volumes/"), "/")
		st := d.desc.store
		if st.uuid != id {
			st = nil
			for _, x := range s.stores {
				if x.uuid == id && x.dc == d.desc.dc {
					st = x
				}
			}
		}
		if st == nil {
			return nil, errNoExtent
		}
		var err error
		if d, err = openDisk(file{st, rel}); err != nil {
			return nil, errNoExtent
		}
	}
	return nil, errNoExtent
}

// removeDisk removes a disk's files; the descriptor first, so that nobody finds half a disk.
func removeDisk(d *disk) error {
	return errors.Join(os.Remove(d.desc.path()), os.Remove(d.extent.path()))
}

// sameFileSystemTemp is a new name in dir that nobody has.
func sameFileSystemTemp(dir, pattern string) (string, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	return filepath.Clean(f.Name()), errors.Join(f.Close(), os.Remove(f.Name()))
}
