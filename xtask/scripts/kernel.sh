# Fetches a kernel of Debian and makes of it what qemu boots.
#
#   kernel.sh WANTED DIR APT INIT
#
# WANTED is a suite (trixie), a version (7.2) or a package's version (7.2.6+deb13-amd64).
# Leaves vmlinuz, modules.ext4 and initramfs in DIR, or not-in-archive if there is no such kernel.
# APT keeps the package lists, INIT is the initramfs's init.
wanted=$1 dir=$2 apt=$3 init=$4

mkdir -p "$dir/work" "$apt/lists/partial" "$apt/archives/partial"
touch "$apt/status"
mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' /etc/apt/sources.list | head -n 1)
for suite in trixie trixie-updates trixie-backports sid; do
    echo "deb $mirror $suite main"
done > "$apt/sources.list"
cat > "$apt/apt.conf" <<CONF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/status";
Dir::Cache "$apt";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
export APT_CONFIG="$apt/apt.conf"

# Whether the archive has all of a kernel: of one that it lets go, the signed part stays longer.
is_whole() {
    for part in $(apt-cache show "linux-image-$1" | sed -n 's/^Depends: //p' | tr -d ',' |
        tr ' ' '\n' | grep -xF -e "linux-binary-$1" -e "linux-modules-$1" -e "linux-base-$1"); do
        if [ -z "$(apt-cache madison "$part")" ]; then
            echo "kernel $1 is there without $part" >&2
            return 1
        fi
    done
}

# Prints the version of the newest kernel package that answers to what is wanted and is whole. The
# cloud flavour is preferred: it has what the lab needs built in, and a third of the size.
kernel_version() {
    case $1 in
        trixie | trixie-backports | sid)
            apt-cache show "linux-image-cloud-amd64/$1" |
                sed -n 's/^Depends: linux-image-\([^ ]*\) .*/\1/p' | head -n 1
            ;;
        *-amd64)
            apt-cache pkgnames "linux-image-$1" | sed -n "s/^linux-image-\($1\)\$/\1/p"
            ;;
        *)
            apt-cache pkgnames "linux-image-$1" | sed 's/^linux-image-//' |
                grep -E '^[0-9.]+\+[a-z0-9]+-cloud-amd64$' |
                awk -v wanted="$1" 'index($0 ".", wanted ".") == 1 || index($0, wanted "+") == 1' |
                sort -V --reverse | while read -r version; do
                    if is_whole "$version"; then
                        echo "$version"
                        break
                    fi
                done
            ;;
    esac
}

apt-get update
version=$(kernel_version "$wanted")
if [ -z "$version" ]; then
    echo "there is no whole kernel $wanted in Debian's trixie, trixie-backports or sid; there are:"
    apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9].*-cloud-amd64$' | sort -V
    touch "$dir/not-in-archive"
    exit 1
fi
echo "$version" > "$dir/version"

# Newer packages are split, older ones have everything in one. (A name that other packages only
# mention has no line in madison.)
cd "$dir/work"
for part in image binary modules base; do
    if [ -n "$(apt-cache madison "linux-$part-$version")" ]; then
        apt-get download "linux-$part-$version"
    fi
done
for package in *.deb; do
    dpkg-deb --extract "$package" tree
done
find tree -name 'vmlinuz*' -type f -exec cp {} "$dir/vmlinuz" \;

# Unpacked modules load faster under emulation.
modules=tree/usr/lib/modules
[ -d "$modules" ] || modules=tree/lib/modules
find "$modules" -name '*.ko.xz' -exec xz --decompress {} +
mkdir -p root/lib
mv "$modules" root/lib/modules
depmod --basedir "$PWD/root" "$version"

megabytes=$(du --summarize --block-size=1M root/lib/modules | cut -f 1)
tar --owner=0 --group=0 -cf modules.tar -C root/lib/modules .
mkfs.ext4 -q -O ^has_journal -d modules.tar "$dir/modules.ext4" "$((megabytes * 5 / 4 + 16))M"

# The initramfs: busybox, our init, and the modules it takes to reach the disks, in order.
mkdir -p initramfs/bin initramfs/modules
cp /usr/bin/busybox initramfs/bin/
install -m 755 "$init" initramfs/init
for module in virtio_pci virtio_blk virtio_console ext4; do
    modprobe --dirname "$PWD/root" --set-version "$version" --show-depends "$module"
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' > order
while read -r path; do
    cp "$path" initramfs/modules/
    basename "$path"
done < order > initramfs/modules/order
(cd initramfs && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$dir/initramfs"

cd /
rm -r "$dir/work"
