package report

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
)

// Keys of these tests, and of nothing else. The encrypted one is the same key; its password costs little to try.
const (
	testSecretKey = `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK3pKzs5koGFmYslJQz7NfFeQKlIjCKDHpnpsmpU9dbCikROP6wKRQCsMb0yL5s3TGHmRqRTKGJ222/9wWuD9I3z3Ja6UOVrJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`
	testEncryptedKey = `untrusted comment: minisign encrypted secret key
RWRTY0IyYSBzYWx0IG9mIHRoaXJ0eS10d28gY2hhcmFjdGVycy4AgAAAAAAAAAAAAAEAAAAA8fU86F/s0qsk6vgMTW2J++xDtkRY2HDbUt047TUK2DjsARCqy602G/DYtR4pYVmLnjCfeyAlQCVkfSMvYtZB1IHTQ75cS/VTBSok3K/OG1PCtqlmvSlkHyk5CTYaH+PcW6z7ifTdycw=
`
	testPassword  = "correct horse"
	testPublicKey = "RWQrekrOzmSgYSsMb0yL5s3TGHmRqRTKGJ222/9wWuD9I3z3Ja6UOVrJ"
	testKeyID     = "61A064CECE4A7A2B"
	testSeed      = "FmYslJQz7NfFeQKlIjCKDHpnpsmpU9dbCikROP6wKRQC" // the secret half, as it stands above
)

func signingKey(t *testing.T) *SigningKey {
	t.Helper()
	k, err := ParseSigningKey([]byte(testSecretKey), "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestASignedReport(t *testing.T) {
	t.Parallel()
	run, src := plausibleSource(2, 4, false).sealed(testRun(StatusSealed))
	var trees []map[string]string
	for _, text := range []string{testSecretKey, testEncryptedKey} {
		key, err := ParseSigningKey([]byte(text), testPassword)
		if err != nil {
			t.Fatal(err)
		}
		s := both()
		s.Key = key
		dir := t.TempDir()
		res := mustWrite(t, dir, run, src, s)
		trees = append(trees, tree(t, dir))
		manifest, signature := readFile(t, res.Folder, manifestName), readFile(t, res.Folder, signatureName)
		var public minisign.PublicKey
		if err := public.UnmarshalText([]byte(testPublicKey)); err != nil {
			t.Fatal(err)
		}
		if !minisign.Verify(public, manifest, signature) {
			t.Error("the signature does not verify")
		}
		want := "tenant acme run 2 root " + run.RootSHA256
		if got := strings.Split(string(signature), "\n")[2]; got != "trusted comment: "+want {
			t.Errorf("%s, want %s", got, want)
		}
		for _, f := range res.Files {
			if f.Name == signatureName {
				t.Errorf("%s is among the files of the manifest", f.Name)
			}
		}
	}
	if d := cmp.Diff(trees[0], trees[1]); d != "" {
		t.Errorf("signed twice (-first +second):\n%s", d)
	}
	res := mustWrite(t, t.TempDir(), run, src, both())
	if _, err := os.Stat(filepath.Join(res.Folder, signatureName)); err == nil {
		t.Errorf("%s without a key", signatureName)
	}
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The comment is a line, whatever the tenant is called.
func TestTheTrustedCommentIsOneLine(t *testing.T) {
	t.Parallel()
	run := testRun(StatusSealed)
	run.Tenant = "a\nb\r\xffc"
	run.RootSHA256 = "00"
	if got, want := trustedComment(run), "tenant a\uFFFDb\uFFFD\uFFFDc run 2 root 00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, password string
		want           error
	}{
		"empty":                           {"", "", ErrNoKey},
		"another file":                    {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "", ErrNoKey},
		"a public key":                    {testPublicKey, "", ErrNoKey},
		"cut":                             {testSecretKey[:200], "", ErrNoKey},
		"damaged":                         {strings.Replace(testSecretKey, "YslJQz", "YslKQz", 1), "", ErrKeyDamaged},
		"its public half damaged":         {strings.Replace(testSecretKey, "sMb0yL", "sMb0yM", 1), "", ErrKeyDamaged},
		"encrypted":                       {testEncryptedKey, "", ErrKeyEncrypted},
		"encrypted with another password": {testEncryptedKey, "battery staple", ErrKeyPassword},
		"encrypted and damaged":           {strings.Replace(testEncryptedKey, "8fU86F", "8fU86G", 1), testPassword, ErrKeyPassword},
		"not encrypted, with a password":  {testSecretKey, testPassword, nil},
	} {
		key, err := ParseSigningKey([]byte(tt.text), tt.password)
		if !errors.Is(err, tt.want) || (err == nil) != (key != nil) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
		for _, secret := range []string{testPassword, "battery", testSeed} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells the secret: %v", name, err)
			}
		}
	}
}

func TestPublicKeys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{testPublicKey, " " + testPublicKey + "\r\n", "untrusted comment: minisign public key 61A064CECE4A7A2B\n" + testPublicKey + "\n"} {
		k, err := ParsePublicKey(text)
		if err != nil || k.String() != testPublicKey || k.ID() != testKeyID {
			t.Errorf("%q: key %s of id %s, error %v", text, k, k.ID(), err)
		}
	}
	for _, text := range []string{"", "RWQ", testSecretKey, testPublicKey + "AAAA", "x" + testPublicKey[1:]} {
		if _, err := ParsePublicKey(text); err == nil {
			t.Errorf("%q is taken for a public key", text)
		}
	}
}

// Whatever prints a value that leads to the key shows nothing of it.
func TestTheSigningKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	s := Settings{Key: key}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb+"\n"+verb+"\n"+verb+"\n", key, *key, s)
	}
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("", "key", key, "value", *key, "settings", s)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("", "key", key, "value", *key, "settings", s)
	var secret minisign.PrivateKey
	if err := secret.UnmarshalText([]byte(testSecretKey)); err != nil {
		t.Fatal(err)
	}
	seed := []byte{0x66, 0x62, 0xc9, 0x49, 0x43, 0x3e}
	for _, form := range []string{testSeed[2:], "6662c949433e", fmt.Sprint(seed)[1:18], fmt.Sprintf("%#v", seed)[7:30], string(seed)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret is printed as %q", form)
		}
	}
}

// What minisign makes of a report, and the program itself of what minisign signed. In CI it has to be there.
func TestMinisignVerifiesAReport(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("minisign")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no minisign")
		}
		t.Skip("no minisign")
	}
	dir := t.TempDir()
	run := func(args ...string) ([]byte, error) {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Dir = dir
		return c.CombinedOutput()
	}
	if out, err := run("-G", "-W", "-p", "key.pub", "-s", "key"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	key, err := ParseSigningKey(readFile(t, dir, "key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := both()
	s.Key = key
	sealed, src := plausibleSource(2, 4, true).sealed(testRun(StatusPartial))
	res := mustWrite(t, dir, sealed, src, s)
	manifest := filepath.Join(res.Folder, manifestName)

	for _, by := range [][]string{{"-p", "key.pub"}, {"-P", key.PublicKey().String()}} {
		out, err := run(append([]string{"-Vm", manifest}, by...)...)
		if want := "Trusted comment: tenant acme run 2 root " + sealed.RootSHA256; err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("minisign -V: %v, want %q:\n%s", err, want, out)
		}
	}
	if out := readFile(t, dir, "key.pub"); !bytes.Contains(out, []byte(key.PublicKey().ID())) {
		t.Errorf("id %s, and minisign says:\n%s", key.PublicKey().ID(), out)
	}
	data := readFile(t, manifest)
	if err := os.WriteFile(manifest, bytes.Replace(data, []byte("PARTIAL"), []byte("SEALED"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run("-Vm", manifest, "-p", "key.pub"); err == nil {
		t.Errorf("minisign verifies another manifest:\n%s", out)
	}
}
