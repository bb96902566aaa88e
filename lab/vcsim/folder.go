package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

// Gaps 4, 6 and 12: /folder, datastore files over HTTP ("vSphere Web Services SDK Programming Guide", "Accessing
// datastore files over HTTP"; glance_store and oslo_vmware/rw_handles.py FileWriteHandle use it). On the vCenter it
// takes a session's cookie, a ticket or a password (basic authentication), and dcPath is an inventory path; on a host it
// takes a ticket for that very request, and dcPath is ha-datacenter (oslo_vmware/objects/datastore.py,
// nova/virt/vmwareapi/vmops.py _get_esx_host_and_cookies).
func (s *server) serveFolder(w http.ResponseWriter, r *http.Request) {
	hosts := listenerHosts(r)
	user, ok := s.folderUser(r)
	if !ok {
		unauthorized(w, r)
		return
	}
	f, ok := s.folderFile(r.URL, hosts)
	if !ok {
		refuse(w, r, http.StatusNotFound, "404 Not Found")
		return
	}
	if !s.mayFolder(user, r.Method, f, hosts == nil) {
		unauthorized(w, r)
		return
	}
	if r.Method == http.MethodPut && s.cryptoRefuses(user, s.uploadHosts(f, hosts)...) {
		refuse(w, r, http.StatusInternalServerError, "500 Internal Server Error")
		return
	}
	if status := s.refuseHTTP(r.Method, f, hosts == nil); status != 0 {
		refuse(w, r, status, fmt.Sprintf("%d %s", status, http.StatusText(status)))
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.putFile(w, r, f)
	case http.MethodGet, http.MethodHead:
		info, err := os.Stat(f.path())
		if err != nil || info.IsDir() {
			http.Error(w, "404 Not Found", http.StatusNotFound)
			return
		}
		in, err := os.Open(f.path())
		if err != nil {
			http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
			return
		}
		defer in.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", info.ModTime(), in)
	case http.MethodDelete:
		if s.deleteFile(f) != nil {
			http.Error(w, "404 Not Found", http.StatusNotFound)
			return
		}
		s.changed()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "501 Not Implemented", http.StatusNotImplemented)
	}
}

// uploadHosts are the hosts that an upload may come to: the one that it is sent to, and through the vCenter those that mount the datastore.
func (s *server) uploadHosts(f file, sentTo []string) (refs []types.ManagedObjectReference) {
	if sentTo == nil {
		sentTo = slices.Sorted(maps.Keys(f.hosts))
	}
	for _, name := range sentTo {
		refs = append(refs, s.hosts[name])
	}
	return refs
}

// unauthorized asks for a login: of nobody, and of an account that lacks a privilege.
func unauthorized(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", `Basic realm="VMware HTTP server"`)
	refuse(w, r, http.StatusUnauthorized, "401 Unauthorized")
}

// folderFile finds the file of a /folder URL. On a host's address, hosts are the hosts that have it.
func (s *server) folderFile(u *url.URL, hosts []string) (file, bool) {
	q := u.Query()
	st := s.folderStore(strings.Trim(q.Get("dcPath"), "/"), q.Get("dsName"), hosts)
	if st == nil || !*st.Accessible {
		return file{}, false
	}
	rel, ok := cleanRel(strings.TrimPrefix(u.Path, "/folder/"))
	f := file{st, st.friendly(rel)}
	return f, ok && rel != "" && !f.leads()
}

// folderStore finds the datastore of a /folder URL: on a host one that it mounts, on the vCenter one of the datacenter whose inventory path it is.
func (s *server) folderStore(dcPath, name string, hosts []string) *store {
	for _, st := range s.stores {
		switch {
		case st.Name != name:
		case hosts == nil && dcPath == s.inventoryPath(st.dc):
			return st
		case hosts != nil && dcPath == "ha-datacenter" && slices.ContainsFunc(hosts, func(h string) bool { return st.hosts[h] }):
			return st
		}
	}
	return nil
}

// putFile takes an upload. The file is there when all of it has come, never before. A folder that is missing is made, as the ISO images of Nova
// want it (nova/virt/vmwareapi/images.py fetch_image writes into one that nobody has made; govmomi#1332), or the answer is 404.
func (s *server) putFile(w http.ResponseWriter, r *http.Request, f file) {
	behaviour := s.scenario.VCenter.Behaviour
	if r.ContentLength < 0 && behaviour.ChunkedPut == "refused" {
		refuse(w, r, http.StatusLengthRequired, "411 Length Required")
		return
	}
	if info, err := os.Stat(f.path()); err == nil && (info.IsDir() || s.lockedBy(f) != "") {
		refuse(w, r, http.StatusInternalServerError, "500 Internal Server Error: file is in use")
		return
	}
	room := &reserved{volume: f.volume}
	defer room.release()
	if r.ContentLength > 0 && !room.take(r.ContentLength) {
		refuse(w, r, http.StatusInsufficientStorage, "507 Insufficient Storage: No space left on device")
		return
	}
	if info, err := os.Stat(path.Dir(f.path())); err != nil || !info.IsDir() {
		if behaviour.PutMissingFolder == "refused" || os.MkdirAll(path.Dir(f.path()), 0700) != nil {
			refuse(w, r, http.StatusNotFound, "404 Not Found")
			return
		}
	}
	tmp, err := os.CreateTemp(s.uploadsDir(), "put-*")
	if err != nil {
		refuse(w, r, http.StatusInternalServerError, "500 Internal Server Error")
		return
	}
	n, err := io.CopyBuffer(io.MultiWriter(room, tmp), struct{ io.Reader }{r.Body}, make([]byte, 1<<20))
	if err == nil && r.ContentLength >= 0 && n != r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	existed := f.exists()
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = shorten(r.Context(), tmp.Name())
	}
	if err == nil {
		err = os.Rename(tmp.Name(), f.path())
	}
	switch {
	case errors.Is(err, errNoRoom):
		_ = os.Remove(tmp.Name())
		refuse(w, r, http.StatusInsufficientStorage, "507 Insufficient Storage: No space left on device")
	case err != nil:
		_ = os.Remove(tmp.Name())
		refuse(w, r, http.StatusInternalServerError, "500 Internal Server Error: upload is not complete")
	case existed:
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

var errNoRoom = errors.New("no space left on device")

// reserved is the room that an upload has of a volume: what its length says, or as it comes.
type reserved struct {
	*volume
	taken, written int64
}

func (r *reserved) take(n int64) bool {
	if !r.reserve(n) {
		return false
	}
	r.taken += n
	return true
}

func (r *reserved) release() { r.volume.release(r.taken) }

// Write takes the room for what comes beyond it.
func (r *reserved) Write(b []byte) (int, error) {
	r.written += int64(len(b))
	if more := r.written - r.taken; more > 0 && !r.take(more) {
		return 0, errNoRoom
	}
	return len(b), nil
}

// drained is how much of a refused upload is read, so that a client that sends all before it reads has its answer.
const drained = 64 << 20

// refuse answers an upload whose body was not read, and ends the connection.
func refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)+1))
	http.Error(w, text, status)
	_ = http.NewResponseController(w).Flush()
	_, _ = io.CopyN(io.Discard, r.Body, drained)
}
