package main

import (
	"fmt"
	"reflect"
	"strings"
)

// Behaviour are the switches for what is not known of vSphere, or differs between versions. Unset, each has the value that does the most
// harm to a client that relies on the other. docs/simulator.md says what each does and where it comes from.
//
// The tag values lists what a switch may be; the first is the default. With "by version" the default follows vcenter.version.
type Behaviour struct {
	ThinFileSize           string   `yaml:"thin_file_size" values:"allocated provisioned"`
	CopyWithoutSpec        string   `yaml:"copy_without_spec" values:"preallocated source"`
	CopySpec               string   `yaml:"copy_spec" values:"refused honoured"`
	NFSPreallocated        string   `yaml:"nfs_preallocated" values:"thin taken"`
	OldStream              string   `yaml:"old_stream" values:"refused taken"`
	StreamWithoutFooter    string   `yaml:"stream_without_footer" values:"refused taken"`
	StreamOddCapacity      string   `yaml:"stream_odd_capacity" values:"refused taken"`
	LeaseAbort             string   `yaml:"lease_abort" values:"later at_once"`
	PutMissingFolder       string   `yaml:"put_missing_folder" values:"made refused"`
	ChunkedPut             string   `yaml:"chunked_put" values:"refused taken"`
	VCenterPut             string   `yaml:"vcenter_put" values:"host_config documented"`
	HostCertificate        string   `yaml:"host_certificate" values:"sslThumbprint certThumbprintList sslCertificate" by:"version"`
	ParentsView            string   `yaml:"parents_view" values:"refused granted"`
	NFSLockFiles           string   `yaml:"nfs_lock_files" values:"shown hidden"`
	VsanPutThroughVCenter  string   `yaml:"vsan_put_through_vcenter" values:"fails works"`
	VsanRootFolder         string   `yaml:"vsan_root_folder" values:"refused made"`
	VsanFolderMove         string   `yaml:"vsan_folder_move" values:"half refused moved"`
	VsanFolderDelete       string   `yaml:"vsan_folder_delete" values:"refused deleted"`
	VsanDiskPath           string   `yaml:"vsan_disk_path" values:"uuid name"`
	VsanListing            string   `yaml:"vsan_listing" values:"uuid name"`
	PullManifest           string   `yaml:"pull_manifest" values:"empty sha1 checksum"`
	PullTruncated          string   `yaml:"pull_truncated" values:"taken refused"`
	EagerZeroSecondsPerGiB *float64 `yaml:"eager_zero_seconds_per_gib"`
}

// defaultEagerZero is how long a GiB takes to be zeroed where the scenario does not say, in seconds.
const defaultEagerZero = 2.0

// check fills in the defaults; an error names the switch.
func (b *Behaviour) check(version string) error {
	v := reflect.ValueOf(b).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Type.Kind() != reflect.String {
			continue
		}
		values := strings.Fields(field.Tag.Get("values"))
		if field.Tag.Get("by") == "version" && v.Field(i).String() == "" {
			v.Field(i).SetString(certificateOf(version))
		}
		if err := oneOf("behaviour: "+field.Tag.Get("yaml"), v.Field(i).Addr().Interface().(*string), values...); err != nil {
			return err
		}
	}
	zero := defaultEagerZero
	setDefault(&b.EagerZeroSecondsPerGiB, &zero)
	if *b.EagerZeroSecondsPerGiB < 0 {
		return fmt.Errorf("behaviour: eager_zero_seconds_per_gib is negative")
	}
	return nil
}

// certificateOf is where a ticket and a lease's URL name the host's certificate: in sslThumbprint, from 7.0.3.1 in certThumbprintList as well,
// which later is the only one, and from 9.0 in sslCertificate, which excludes sslThumbprint (API: SessionManagerGenericServiceTicket,
// HttpNfcLeaseDeviceUrl).
func certificateOf(version string) string {
	switch major, _, _ := strings.Cut(version, "."); major {
	case "5", "6", "7":
		return "sslThumbprint"
	case "8":
		return "certThumbprintList"
	}
	return "sslCertificate"
}
