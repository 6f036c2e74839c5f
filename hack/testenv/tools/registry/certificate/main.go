// Command certificate makes an authority, and a server certificate that the authority signs. It prints them and the
// server's key as JSON with the fields ca, certificate and key, all in PEM. Its arguments are the names and addresses of
// the server. With -expired, the server certificate has expired.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	expired := flag.Bool("expired", false, "make an expired certificate")
	flag.Parse()
	if flag.NArg() == 0 {
		fail("usage: certificate [-expired] NAME...")
	}
	begin := time.Now().Add(-48 * time.Hour)
	end := time.Now().Add(30 * 24 * time.Hour)

	caKey := newKey()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             begin,
		NotAfter:              end,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: flag.Arg(0)},
		NotBefore:    begin,
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if *expired {
		server.NotAfter = begin.Add(time.Hour)
	}
	for _, name := range flag.Args() {
		if address := net.ParseIP(name); address != nil {
			server.IPAddresses = append(server.IPAddresses, address)
		} else {
			server.DNSNames = append(server.DNSNames, name)
		}
	}
	serverKey := newKey()
	der, err := x509.MarshalPKCS8PrivateKey(serverKey)
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"ca":          sign(ca, ca, &caKey.PublicKey, caKey),
		"certificate": sign(server, ca, &serverKey.PublicKey, caKey),
		"key":         toPEM("PRIVATE KEY", der),
	}))
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	return key
}

func sign(certificate, issuer *x509.Certificate, key *ecdsa.PublicKey, issuerKey *ecdsa.PrivateKey) string {
	der, err := x509.CreateCertificate(rand.Reader, certificate, issuer, key, issuerKey)
	check(err)
	return toPEM("CERTIFICATE", der)
}

func toPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
