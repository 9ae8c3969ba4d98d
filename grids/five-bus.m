% A teaching case of tieline's own: five buses at 345 kV, one nuclear, one coal and two gas plants, a city, and a bus (4)
% where a campus wants to be connected. EVERY FIGURE HERE IS A GUESS of ours, of the size that such things have; none is
% taken from a real system or from a published case.
function mpc = five_bus
mpc.version = '2';
mpc.baseMVA = 100;

% bus type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin       (MW, Mvar; per unit; degrees; kV)
mpc.bus = [
  1 3    0   0 0   0 1 1.03 0 345 1 1.05 0.95;   % nuclear
  2 1 1500 300 0 200 1 1.00 0 345 1 1.05 0.95;   % the city, with a capacitor
  3 2  600 120 0   0 1 1.02 0 345 1 1.05 0.95;   % coal
  4 1  300  60 0 100 1 1.00 0 345 1 1.05 0.95;   % where the campus would be
  5 2  900 180 0   0 1 1.02 0 345 1 1.05 0.95;   % gas
];

% bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin
mpc.gen = [
  1 1100 0 500 -300 1.03 1300 1 1200 600;   % nuclear
  3  700 0 450 -200 1.02 1100 1 1000 300;   % coal
  5 1200 0 600 -300 1.02 1700 1 1500 300;   % combined cycle
  5  340 0 350 -150 1.02  900 1  800   0;   % combustion turbines
];

% model startup shutdown n, then c2 c1 c0 ($/h of MW) or points (MW, $/h)
mpc.gencost = [
  2 0 0 3  0     8  0  0 0 0;
  2 0 0 3  0.005 26 0  0 0 0;
  1 0 0 3  300 9600 900 27600 1500 48600;
  2 0 0 3  0     65 0  0 0 0;
];

% from to r x b rateA rateB rateC ratio angle status angmin angmax
mpc.branch = [
  1 2 0.0024 0.025 0.42  600  600  600 0 0 1 -30 30;
  1 2 0.0024 0.025 0.42  600  600  600 0 0 1 -30 30;
  1 3 0.0030 0.031 0.52  900  900  900 0 0 1 -30 30;
  2 4 0.0020 0.021 0.35  900  900  900 0 0 1 -30 30;
  3 4 0.0024 0.025 0.42  400  400  400 0 0 1 -30 30;
  4 5 0.0018 0.019 0.31 1100 1100 1100 0 0 1 -30 30;
  4 5 0.0018 0.019 0.31 1100 1100 1100 0 0 1 -30 30;
  2 5 0.0036 0.038 0.63  900  900  900 0 0 1 -30 30;
];
