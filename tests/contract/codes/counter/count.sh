# Counts, and writes a table and a matrix for each step; $1 is its input.
. "./$1"
echo "$2"
[ "$fail" = words ] && echo "FATAL: the beam was lost – čau" && exit 0
[ "$fail" = status ] && echo "FATAL: the beam was lost – čau" && exit 3
echo "# step value double" >curve.txt
n=0
while [ $n -lt "$steps" ]; do
    n=$((n + 1))
    echo "$n $factor $((2 * n))" >>curve.txt
    printf '1 2 %d\n4 5 6\n' $n >map_$n.dat
    echo "step $n"
    [ "$label" = wait ] && [ $n = 2 ] && sleep 1000
done
echo "value 1.5D+01"
