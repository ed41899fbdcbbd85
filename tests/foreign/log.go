// The Go project's own notes and transparency log (golang.org/x/mod/sumdb), asked about our files and for files of its own.
//
//	log export FOLDER VKEY     check an export: the note, every tile, every entry
//	log receipt FILE ENTRY VKEY  check a receipt (tlog-proof) of the entry in a file
//	log make SIZE              print a log of SIZE records as JSON: key, signed checkpoints, proofs
//
// Whatever does not hold ends the program with a line that says what.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	words := os.Args[1:]
	switch words[0] {
	case "export":
		tree := opened(read(filepath.Join(words[1], "checkpoint")), words[2])
		fmt.Println(checkEntries(words[1], tree))
	case "receipt":
		checkReceipt(string(read(words[1])), read(words[2]), words[3])
	case "make":
		var size int64
		_, err := fmt.Sscan(words[1], &size)
		must(err)
		makeLog(size)
	}
}

// opened returns the tree of a signed checkpoint.
func opened(signed []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	found, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(found.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("the checkpoint has %d lines and the origin %q", len(lines), lines[0])
	}
	var tree tlog.Tree
	_, err = fmt.Sscan(lines[1], &tree.N)
	must(err)
	tree.Hash, err = tlog.ParseHash(lines[2])
	must(err)
	return tree
}

// checkEntries makes the tree again from the entries, compares its root and every tile, and returns how many there are.
func checkEntries(folder string, tree tlog.Tree) int64 {
	var stored hashes
	var index int64
	for bundle := int64(0); index < tree.N; bundle++ {
		tile := tlog.Tile{H: height, L: -1, N: bundle, W: 1 << height}
		if left := tree.N - index; left < 1<<height {
			tile.W = int(left)
		}
		content := read(filepath.Join(folder, path(tile)))
		for ; len(content) > 0; index++ {
			length := int(binary.BigEndian.Uint16(content))
			stored.add(index, content[2:2+length])
			content = content[2+length:]
		}
		if index != bundle<<height+int64(tile.W) {
			fail("bundle %d ends with entry %d", bundle, index)
		}
	}
	root, err := tlog.TreeHash(tree.N, &stored)
	must(err)
	if root != tree.Hash {
		fail("the entries do not make the root")
	}
	for level, count := 0, tree.N; count > 0; level, count = level+1, count>>height {
		for number := int64(0); number<<height < count; number++ {
			tile := tlog.Tile{H: height, L: level, N: number, W: 1 << height}
			if left := count - number<<height; left < 1<<height {
				tile.W = int(left)
			}
			expected, err := tlog.ReadTileData(tile, &stored)
			must(err)
			if !bytes.Equal(read(filepath.Join(folder, path(tile))), expected) {
				fail("%s is not that of the entries", path(tile))
			}
		}
	}
	return index
}

// path is where C2SP tlog-tiles has a tile: without the height, which is always 8, and with entries for data.
func path(tile tlog.Tile) string {
	short := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	return strings.Replace(short, "tile/data/", "tile/entries/", 1)
}

// hashes are those of a log, as tlog numbers them.
type hashes []tlog.Hash

func (stored *hashes) add(index int64, record []byte) {
	more, err := tlog.StoredHashes(index, record, stored)
	must(err)
	*stored = append(*stored, more...)
}

func (stored *hashes) ReadHashes(places []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, place := range places {
		found = append(found, (*stored)[place])
	}
	return found, nil
}

// checkReceipt checks an inclusion proof and the checkpoint beneath it.
func checkReceipt(receipt string, entry []byte, vkey string) {
	head, signed, _ := strings.Cut(receipt, "\n\n")
	tree := opened([]byte(signed), vkey)
	var index int64
	var proof tlog.RecordProof
	for at, line := range strings.Split(head, "\n") {
		switch {
		case at == 0 && line != "c2sp.org/tlog-proof@v1":
			fail("no receipt")
		case at == 0 || strings.HasPrefix(line, "extra "):
		case strings.HasPrefix(line, "index "):
			_, err := fmt.Sscan(strings.TrimPrefix(line, "index "), &index)
			must(err)
		default:
			hash, err := tlog.ParseHash(line)
			must(err)
			proof = append(proof, hash)
		}
	}
	must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
}

type made struct {
	VKey        string     `json:"vkey"`
	Checkpoints []string   `json:"checkpoints"` // of 1, 2, ... records
	Records     []string   `json:"records"`
	Inclusion   [][]string `json:"inclusion"`   // of every record, in the whole log
	Consistency [][]string `json:"consistency"` // from every size to the whole log
}

func makeLog(size int64) {
	name := "go.example/log"
	secret, vkey, err := note.GenerateKey(rand.Reader, name)
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	var stored hashes
	log := made{VKey: vkey}
	for index := int64(0); index < size; index++ {
		record := []byte(fmt.Sprintf("record %d", index))
		stored.add(index, record)
		root, err := tlog.TreeHash(index+1, &stored)
		must(err)
		text := fmt.Sprintf("%s\n%d\n%s\n", name, index+1, base64.StdEncoding.EncodeToString(root[:]))
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		must(err)
		log.Checkpoints = append(log.Checkpoints, string(signed))
		log.Records = append(log.Records, string(record))
	}
	for index := int64(0); index < size; index++ {
		inclusion, err := tlog.ProveRecord(size, index, &stored)
		must(err)
		log.Inclusion = append(log.Inclusion, texts(inclusion))
		consistency, err := tlog.ProveTree(size, index+1, &stored)
		must(err)
		log.Consistency = append(log.Consistency, texts(consistency))
	}
	must(json.NewEncoder(os.Stdout).Encode(log))
}

func texts(proof []tlog.Hash) []string {
	all := []string{}
	for _, hash := range proof {
		all = append(all, hash.String())
	}
	return all
}

func read(path string) []byte {
	content, err := os.ReadFile(path)
	must(err)
	return content
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(words string, values ...any) {
	fmt.Fprintf(os.Stderr, words+"\n", values...)
	os.Exit(1)
}
