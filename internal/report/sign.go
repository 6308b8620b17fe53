package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"aead.dev/minisign"
)

// signatureName is the file of the manifest's signature, beside it.
const signatureName = manifestName + ".minisig"

// SigningKey signs manifests, as minisign does. It holds the secret in a closure, so that no print, log or encoding of
// a value that leads to it can show it.
type SigningKey struct {
	public PublicKey
	sign   func(message []byte, trusted, untrusted string) []byte
}

// Errors of ParseSigningKey a caller may want to tell a remedy for.
var (
	ErrKeyEncrypted = errors.New("the secret key is encrypted, and no password is given")
	ErrKeyPassword  = errors.New("the secret key cannot be decrypted: its password is another, or the file is damaged")
	ErrNoKey        = errors.New("this is no secret key of minisign")
	ErrKeyDamaged   = errors.New("the secret key is damaged: what it signs does not verify")
)

// ParseSigningKey reads the text of a minisign secret key. The password is that of an encrypted key; a key without one
// needs none. Errors repeat nothing of either.
func ParseSigningKey(text []byte, password string) (*SigningKey, error) {
	var key minisign.PrivateKey
	switch encrypted := minisign.IsEncrypted(text); {
	case encrypted && password == "":
		return nil, ErrKeyEncrypted
	case encrypted:
		decrypted, err := minisign.DecryptKey(password, text)
		if err != nil {
			return nil, ErrKeyPassword
		}
		key = decrypted
	default:
		if err := key.UnmarshalText(text); err != nil {
			return nil, ErrNoKey
		}
	}
	k := &SigningKey{
		public: PublicKey{key.Public().(minisign.PublicKey)},
		sign: func(message []byte, trusted, untrusted string) []byte {
			// The reader hashes what it reads: the form in which minisign itself signs.
			r := minisign.NewReader(bytes.NewReader(message))
			_, _ = io.Copy(io.Discard, r) // memory does not fail
			return r.SignWithComments(key, trusted, untrusted)
		},
	}
	// A key without a password has no checksum, and a wrong half would be noticed by whoever verifies, years later.
	if !minisign.Verify(k.public.key, nil, k.sign(nil, "", "")) {
		return nil, ErrKeyDamaged
	}
	return k, nil
}

// PublicKey is the key that verifies what this one signs.
func (k *SigningKey) PublicKey() PublicKey { return k.public }

// PublicKey verifies signatures of manifests.
type PublicKey struct{ key minisign.PublicKey }

// ParsePublicKey reads a minisign public key: the line of 56 characters, or the text of a file with one.
func ParsePublicKey(text string) (PublicKey, error) {
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
		return PublicKey{}, errors.New("this is no public key of minisign")
	}
	return PublicKey{key}, nil
}

// String gives the line by which minisign -P takes the key.
func (k PublicKey) String() string { return k.key.String() }

// ID gives the key's id as minisign prints it. It is a hint, and no part of a proof.
func (k PublicKey) ID() string { return keyID(k.key.ID()) }

func keyID(id uint64) string { return fmt.Sprintf("%X", id) }

// writeSignature signs the manifest. The bytes follow from the run and the key: no clock is in them.
func writeSignature(f *folder, key *SigningKey, run Run, manifest []byte) error {
	o, err := f.create(signatureName)
	if err != nil {
		return err
	}
	if _, err := o.Write(key.sign(manifest, trustedComment(run), "signature of "+manifestName)); err != nil {
		return err
	}
	_, err = f.close(o, 0)
	return err
}

// trustedComment says which run it is: minisign prints it once the signature is verified. A comment is a line.
func trustedComment(run Run) string {
	tenant := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(run.Tenant, "\uFFFD"))
	return fmt.Sprintf("tenant %s run %d root %s", tenant, run.ID, run.RootSHA256)
}

// checkSignature verifies the signature of the manifest.
func (v *verifier) checkSignature() error {
	c := NewCheck("signature")
	defer func() { v.add(c) }()
	text, what, err := readSmall(v.root, signatureName, maxSignature)
	switch {
	case err != nil:
		return err
	case what == "nothing" && v.key == nil:
		c.Skip("not signed: nothing here shows who wrote the manifest")
		return nil
	case what != "":
		c.Differ(signatureName, "file", "a signature of the manifest", what)
		return nil
	case v.key == nil:
		c.Skip("signed, not checked: give --public-key")
		return nil
	}
	c.Covered = "the manifest, by public key " + v.key.ID()
	var s minisign.Signature
	switch wrong := s.UnmarshalText(text); {
	case wrong != nil:
		c.Differ(signatureName, "content", "a signature of minisign", wrong.Error())
	case s.KeyID != v.key.key.ID():
		c.Differ(signatureName, "key", v.key.ID(), keyID(s.KeyID))
	case !minisign.Verify(v.key.key, v.text, text):
		c.Differ(signatureName, "signature", "one of this manifest and of the trusted comment", "one of something else, or by another key")
	default:
		c.Covered += fmt.Sprintf("; trusted comment: %s", s.TrustedComment)
	}
	return nil
}
