package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// tell sends a request to the control socket and gives status and answer.
func (l *lab) tell(method, path, body string) (int, string) {
	l.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.s.control)
	}}}
	req, err := http.NewRequest(method, "http://vcsim"+path, strings.NewReader(body))
	l.must(err)
	res, err := c.Do(req)
	l.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	l.must(err)
	return res.StatusCode, string(b)
}

// rule replaces all rules by one.
func (l *lab) rule(rule string) {
	l.Helper()
	l.tell("DELETE", "/rules", "")
	if status, body := l.tell("POST", "/rules", rule); status != 201 {
		l.Fatalf("%s: %d %s", rule, status, body)
	}
}

// fired is how often the one rule has fired.
func (l *lab) fired() int {
	l.Helper()
	var got []rule
	_, body := l.tell("GET", "/rules", "")
	l.must(json.Unmarshal([]byte(body), &got))
	if len(got) != 1 {
		l.Fatal(body)
	}
	return got[0].Fired
}

func TestControl(t *testing.T) {
	l := newLab(t)
	if info, err := os.Stat(l.s.control); err != nil || info.Mode().Perm() != 0600 {
		t.Errorf("%v %v", info, err)
	}
	for _, bad := range []string{
		``, `{}`, `{"when":{},"do":{"expire":{}}}`, `{"when":{"seq":1},"do":{}}`, `{"when":{"seq":1},"nth":2,"do":{"expire":{}}}`,
		`{"when":{"seq":1,"http":"PUT"},"do":{"expire":{}}}`, `{"when":{"seq":-1},"do":{"expire":{}}}`, `{"when":{"path":"("},"do":{"expire":{}}}`,
		`{"when":{"seq":1},"do":{"cut":{},"expire":{}}}`, `{"when":{"seq":1},"do":{"cut":{"bytes":1}}}`, `{"when":{"seq":1},"do":{"explode":{}}}`,
		`{"when":{"seq":1},"do":{"fault":{"name":"NoSuchFault"}}}`, `{"when":{"seq":1},"do":{"fault":{"name":"VirtualDisk"}}}`,
		`{"when":{"seq":1},"do":{"status":{"code":99}}}`, `{"when":{"seq":1},"do":{"hang":{"seconds":1e9}}}`,
		`{"when":{"seq":1},"do":{"full":{"datastore":"none"}}}`, `{"when":{"seq":1},"do":{"slow":{}}}`,
	} {
		if status, body := l.tell("POST", "/rules", bad); status != 400 || body == "" {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	for _, bad := range []string{`{}`, `{"cut":{}}`, `{"full":{"datastore":"none"}}`} {
		if status, _ := l.tell("POST", "/do", bad); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if _, body := l.tell("GET", "/rules", ""); strings.TrimSpace(body) != "[]" {
		t.Error(body)
	}
}

// The third of a method's calls; then each; then one by its number.
func TestRuleTurns(t *testing.T) {
	l := newLab(t)
	mkdir := func(name string) string {
		return fault(l.files().MakeDirectory(l.ctx, "[ds-a] "+name, l.dc, true))
	}
	l.rule(`{"when":{"method":"MakeDirectory"},"nth":3,"do":{"fault":{"name":"NoPermission"}}}`)
	for i, want := range []string{"", "", "NoPermission", ""} {
		if got := mkdir("nth" + string(rune('a'+i))); got != want {
			t.Errorf("call %d: %q", i+1, got)
		}
	}
	l.rule(`{"when":{"method":"MakeDirectory"},"do":{"fault":{"name":"NoPermission"}}}`)
	if got := mkdir("x") + mkdir("y"); got != "NoPermissionNoPermission" || l.fired() != 2 {
		t.Errorf("each: %s", got)
	}
	l.rule(`{"when":{"seq":2},"do":{"status":{"code":503}}}`)
	mkdir("seq1")
	if status, _ := l.request("PUT", l.folderURL("ds-a", "f"), l.cookie(), "data"); status != 503 || l.exists("[ds-a] f") || l.fired() != 1 {
		t.Errorf("seq: %d", status)
	}
	var rules []int
	for _, e := range l.logged() {
		if e.Rule != 0 {
			rules = append(rules, e.Rule)
		}
	}
	if len(rules) != 4 || rules[0] != 1 || rules[1] != 2 || rules[2] != 2 || rules[3] != 3 {
		t.Errorf("the log has rules %v", rules)
	}
	// What cannot be done to a request does not count as done.
	l.rule(`{"when":{"seq":1},"do":{"hang":{"seconds":60}}}`)
	if got := mkdir("z"); got != "" || l.fired() != 0 {
		t.Errorf("%q", got)
	}
}
